-- before deploy: the version before does not look at what is made here

-- E-mail addresses of attendees, for organizers; erased ones are empty.
CREATE TABLE views.addresses (
    event_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    email text NOT NULL,
    folded text COLLATE "C" NOT NULL,  -- without case, by which it is looked for
    PRIMARY KEY (event_id, member_id)
);

CREATE INDEX addresses_email_idx ON views.addresses (event_id, folded);
