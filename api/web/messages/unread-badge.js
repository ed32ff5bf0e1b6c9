// The way to one's messages, in the bar of every page of an event, with how many are unread. It is
// loaded once a page has nothing else to do.

import { settle } from '/web/debounce.js';
import { el, hiddenText, setText } from '/web/dom.js';
import { icon } from '/web/icons.js';
import * as calls from '/web/messages-api.js';
import { badge, unreadMessages } from '/web/message-wording.js';

const MOVES = new Set(['MESSAGE_RECEIVED', 'MESSAGES_READ']);

export function unreadBadge(eventId) {
  const number = el('span', { class: 'unread', 'aria-hidden': 'true', hidden: true });
  const told = hiddenText('Messages');
  const link = el('a', { class: 'icon-button bar-messages', href: calls.pagePath(eventId) }, icon('message'), told, number);

  const refresh = settle(300, async () => {
    const unread = await calls.unread(eventId).catch(() => null);
    if (unread === null) return;
    number.hidden = !unread;
    setText(number, badge(unread));
    setText(told, unread ? `Messages, ${unreadMessages(unread)}` : 'Messages');
  });

  document.addEventListener('feed-heard', ({ detail }) => MOVES.has(detail) && refresh());
  document.addEventListener('feed-resumed', refresh);
  refresh.now();
  return link;
}
