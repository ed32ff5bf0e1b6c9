// One's own profile, to write: what others see of oneself, and who sees it.

import { profileWords } from '/web/attendees-api.js';
import { el } from '/web/dom.js';
import { saveOwnProfile } from '/web/own-profile.js';
import '/web/word-list.js';
import { reason } from '/web/wording.js';

const TEXTS = [
  { name: 'name', label: 'Name', required: true, autocomplete: 'name' },
  { name: 'headline', label: 'Headline', hint: 'A line under your name, as in \u201cFounder at SynthOps\u201d.' },
  { name: 'company', label: 'Company', autocomplete: 'organization' },
  { name: 'role', label: 'Role', autocomplete: 'organization-title' },
  { name: 'avatar_url', label: 'Picture', hint: 'Its address, which begins with https. Without one your initials are shown.', type: 'url', pattern: 'https:/{2}.+', maxlength: 2000 },
];
const LISTS = [
  { name: 'interests', label: 'Interests' },
  { name: 'industries', label: 'Industries' },
  { name: 'focus_areas', label: 'Focus areas', hint: 'Sessions about these come first on your board.' },
  { name: 'goals', label: 'Goals', most: 5 },
  { name: 'offers', label: 'What you offer' },
  { name: 'seeks', label: 'What you look for' },
];
const CHOICES = [
  { name: 'visibility', label: 'Show me to other attendees', hint: 'Off: you are nowhere shown, and nobody can write to you.' },
  { name: 'on_leaderboard', label: 'Show me on the leaderboard', hint: 'Off: you earn points all the same.' },
];

class ProfileForm extends HTMLElement {
  #form = el('form', { class: 'profile-form', novalidate: true });
  #save = el('button', { type: 'submit', class: 'button primary' }, 'Save');
  #error = el('p', { class: 'form-error', role: 'alert' });

  show(profile, { eventId, isNew }) {
    Object.assign(this, { profile, eventId });
    const choices = { visibility: (profile.visibility ?? 'listed') === 'listed', on_leaderboard: profile.on_leaderboard ?? true };
    this.#form.append(
      el('fieldset', {}, el('legend', {}, 'About you'), TEXTS.map((field) => textField(field, profile[field.name] ?? ''))),
      el('fieldset', {}, el('legend', {}, 'What you have to do with'), LISTS.map((field) => el('word-list').build({ ...field, values: profile[field.name] ?? [] }))),
      el('fieldset', {}, el('legend', {}, 'Who sees you'), CHOICES.map((field) => choiceField(field, choices[field.name]))),
      el('div', { class: 'form-foot' }, this.#error, this.#save),
    );
    this.#form.addEventListener('submit', (submit) => this.#submit(submit));
    const lead = isNew ? 'Say who you are, so that others find you.' : 'As others here see you.';
    this.replaceChildren(el('header', { class: 'form-head' }, el('h1', {}, 'Your profile'), el('p', { class: 'muted' }, lead)), this.#form);
    this.#suggest();
  }

  async #submit(submit) {
    submit.preventDefault();
    this.#error.textContent = '';
    const wrong = [...this.#form.querySelectorAll('input')].find((input) => !input.checkValidity());
    if (wrong) return this.#refuse(wrong);
    this.#save.disabled = true;
    try {
      await saveOwnProfile(this.eventId, this.#written());
      this.#toast({ subject: 'profile', text: 'Your profile is saved.' });
    } catch (problem) {
      if (problem.status === 401) this.dispatchEvent(new CustomEvent('signed-out', { bubbles: true }));
      else this.#error.textContent = `Your profile was not saved. ${reason(problem)}`;
    } finally {
      this.#save.disabled = false;
    }
  }

  #refuse(input) {
    const { label } = TEXTS.find(({ name }) => name === input.name) ?? { label: 'This' };
    this.#error.textContent = input.validity.valueMissing ? `${label} is missing.` : `${label}: this is no address that begins with https.`;
    input.setAttribute('aria-invalid', 'true');
    input.addEventListener('input', () => input.removeAttribute('aria-invalid'), { once: true });
    input.focus();
  }

  #written() {
    const texts = TEXTS.map(({ name }) => [name, this.#form.elements[name].value.trim()]);
    const lists = [...this.#form.querySelectorAll('word-list')].map((words) => [words.name, words.values]);
    const { visibility, on_leaderboard: onLeaderboard } = this.#form.elements;
    return { ...Object.fromEntries([...texts, ...lists]), visibility: visibility.checked ? 'listed' : 'hidden', on_leaderboard: onLeaderboard.checked };
  }

  // A form is as good without.
  async #suggest() {
    const { data } = await profileWords(this.eventId).catch(() => ({ data: { words: {} } }));
    for (const list of this.#form.querySelectorAll('word-list')) list.suggest(data.words[list.name] ?? []);
  }

  #toast(detail) {
    this.dispatchEvent(new CustomEvent('toast-wanted', { bubbles: true, detail }));
  }
}

function textField({ name, label, hint, ...more }, value) {
  const about = hint && `hint-${name}`;
  const input = el('input', { id: `field-${name}`, name, type: 'text', maxlength: 200, 'aria-describedby': about, ...more });
  input.value = value;
  return el('div', { class: 'field' }, el('label', { for: input.id }, label), input, hint && el('p', { class: 'muted', id: about }, hint));
}

function choiceField({ name, label, hint }, isOn) {
  const input = el('input', { type: 'checkbox', id: `field-${name}`, name, 'aria-describedby': `hint-${name}` });
  input.checked = isOn;
  return el('div', { class: 'field choice' }, el('label', { for: input.id }, input, label), el('p', { class: 'muted', id: `hint-${name}` }, hint));
}

customElements.define('profile-form', ProfileForm);
