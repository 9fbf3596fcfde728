-- Reservations under budgets: made, ended and told in order. Whatever changes them holds the
-- ledger's lock, so that what is spent, what is held and what is asked for are of one moment.

-- Every change of what is held: an amount, or what is given back, below zero. Changes are numbered
-- without gaps and commit in order. Old ones are forgotten, never the last: who follows, and finds
-- the next one gone, reads the reservations again.
CREATE TABLE usage.holds (
    change bigint PRIMARY KEY,
    reservation uuid NOT NULL,
    accounts bigint[] NOT NULL,
    amount numeric NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE FUNCTION usage.holds_locked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM usage.lock_head();
    RETURN NULL;
END $$;
CREATE TRIGGER locked BEFORE INSERT OR DELETE ON usage.reservations
    FOR EACH STATEMENT EXECUTE FUNCTION usage.holds_locked();

CREATE FUNCTION usage.holds_told() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO usage.holds (change, reservation, accounts, amount, expires_at)
    SELECT coalesce((SELECT max(change) FROM usage.holds), 0) + row_number() OVER (),
        reservation, accounts, CASE TG_OP WHEN 'INSERT' THEN amount ELSE -amount END, expires_at
    FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER told_made AFTER INSERT ON usage.reservations
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage.holds_told();
CREATE TRIGGER told_ended AFTER DELETE ON usage.reservations
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage.holds_told();

-- The numbers of accounts in the order asked; those that are not there yet come to be.
CREATE FUNCTION usage.accounts_for(
    kinds text[], ids text[], incarnations bigint[], members text[]
) RETURNS bigint[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305231);
    INSERT INTO usage.accounts (kind, id, incarnation, member)
    SELECT DISTINCT w.kind, w.id, w.incarnation, w.member
    FROM unnest(kinds, ids, incarnations, members) AS w(kind, id, incarnation, member)
    WHERE NOT EXISTS (SELECT FROM usage.accounts k WHERE k.kind = w.kind AND k.id = w.id
        AND k.incarnation = w.incarnation AND k.member = w.member);
    RETURN (
        SELECT array_agg(k.account ORDER BY w.place)
        FROM unnest(kinds, ids, incarnations, members) WITH ORDINALITY
            AS w(kind, id, incarnation, member, place)
        JOIN usage.accounts k USING (kind, id, incarnation, member)
    );
END $$;

-- What an account spent on calls of one model, as `usage.spent` has it for all of them.
CREATE FUNCTION usage.spent_on_model(
    account bigint, model bigint, since timestamptz, until timestamptz
) RETURNS numeric LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
    first_quarter timestamptz := date_bin('15 minutes', since, '2000-01-01T00:00:00Z');
    last_quarter timestamptz := date_bin('15 minutes', until, '2000-01-01T00:00:00Z');
    total numeric;
BEGIN
    IF first_quarter < since THEN
        first_quarter := first_quarter + interval '15 minutes';
    END IF;
    IF first_quarter > last_quarter THEN
        first_quarter := until;
        last_quarter := until;
    END IF;
    SELECT coalesce(sum(q.cost), 0) INTO total
    FROM usage.booked_on b JOIN usage.series s USING (series) JOIN usage.quarters q USING (series)
    WHERE b.account = account AND s.model = model
        AND q.quarter >= coalesce(first_quarter, '-infinity')
        AND q.quarter < coalesce(last_quarter, 'infinity');
    RETURN total + (
        SELECT coalesce(sum(r.cost), 0)
        FROM usage.booked_on b JOIN usage.series s USING (series) JOIN usage.records r USING (series)
        WHERE b.account = account AND s.model = model AND (
            (r.started_at >= since AND r.started_at < first_quarter)
            OR (r.started_at >= last_quarter AND r.started_at < until))
    );
END $$;

-- Makes reservations in order, each if it fits every budget together with those before it; those
-- that are there already stay as they are.
--
-- `held_by` are the accounts that reservation number `held_of` (from 1) holds. Checks stand in the
-- order of their reservations, `checked_of`. One is passed if `used` and what came since, what this
-- call has made before, and the amount are not beyond `most`. `used` is what the caller knows: spent
-- up to `known_position` of the ledger, and held on `holder` up to `known_change`. Checks with the
-- same `slot` (from 1) have the same holder. What counts as spent for check number `part_of` (from
-- 1) are the calls booked on `account`, and only those of `model` if one is given, that started
-- from `since` on and before `until`.
--
-- `head` is where the ledger ends; NULL, and nothing is made, where the caller knows too little. Of
-- each reservation that does not fit, `refused` has the place of the first check that it does not
-- pass, and what came since: spent, and held.
CREATE FUNCTION usage.reserve(
    known_position bigint, known_change bigint, most_news bigint, now timestamptz,
    ids uuid[], amounts numeric[], sources text[], expiries timestamptz[],
    held_of integer[], held_by bigint[],
    checked_of integer[], slots integer[], holders bigint[], used numeric[], most numeric[],
    part_of integer[], accounts bigint[], models bigint[], since timestamptz[], until timestamptz[],
    OUT head bigint, OUT refused integer[], OUT spent_since numeric[], OUT held_since numeric[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
    at_head bigint := usage.lock_head();
    there uuid[] := ARRAY(SELECT reservation FROM usage.reservations WHERE reservation = ANY (ids));
    spent numeric[];
    held numeric[];
    batch numeric[] := array_fill(0::numeric, ARRAY[coalesce((SELECT max(s) FROM unnest(slots) s), 0)]);
    made integer[] := '{}';
    failed integer;
    first_check integer;
    c integer := 1;
BEGIN
    IF at_head - known_position > most_news
        OR known_change + 1 < (SELECT min(change) FROM usage.holds) THEN
        RETURN;
    END IF;
    head := at_head;
    refused := '{}'; spent_since := '{}'; held_since := '{}';
    DELETE FROM usage.reservations WHERE expires_at <= now;
    WITH news AS MATERIALIZED (
        SELECT a.account, s.model, r.started_at, r.cost
        FROM usage.records r JOIN usage.series s USING (series) CROSS JOIN LATERAL (VALUES
            (s.organization), (s.team), (s.member), (s.organization_member), (s."user"),
            (s.key)) a(account)
        WHERE r.position > known_position AND a.account IS NOT NULL
    ), found AS (
        SELECT p.place, sum(n.cost) AS cost
        FROM unnest(part_of, accounts, models, since, until)
            AS p(place, account, model, since, until)
        JOIN news n ON n.account = p.account
            AND (p.model IS NULL OR p.model = n.model)
            AND (p.since IS NULL OR n.started_at >= p.since)
            AND (p.until IS NULL OR n.started_at < p.until)
        GROUP BY p.place
    )
    SELECT array_agg(coalesce(f.cost, 0) ORDER BY place) INTO spent
    FROM generate_series(1, cardinality(checked_of)) AS place LEFT JOIN found f USING (place);
    WITH news AS MATERIALIZED (
        SELECT a AS holder, sum(h.amount) AS amount
        FROM usage.holds h CROSS JOIN LATERAL unnest(h.accounts) a
        WHERE h.change > known_change GROUP BY 1
    )
    SELECT array_agg(coalesce(n.amount, 0) ORDER BY k.place) INTO held
    FROM unnest(holders) WITH ORDINALITY AS k(holder, place) LEFT JOIN news n USING (holder);
    FOR i IN 1 .. cardinality(ids) LOOP
        failed := NULL;
        first_check := c;
        WHILE c <= cardinality(checked_of) AND checked_of[c] = i LOOP
            IF failed IS NULL
                AND used[c] + spent[c] + held[c] + batch[slots[c]] + amounts[i] > most[c] THEN
                failed := c;
            END IF;
            c := c + 1;
        END LOOP;
        CONTINUE WHEN ids[i] = ANY (there);
        IF failed IS NOT NULL THEN
            refused := refused || failed;
            spent_since := spent_since || spent[failed];
            held_since := held_since || (held[failed] + batch[slots[failed]]);
            CONTINUE;
        END IF;
        made := made || i;
        FOR passed IN first_check .. c - 1 LOOP
            batch[slots[passed]] := batch[slots[passed]] + amounts[i];
        END LOOP;
    END LOOP;
    INSERT INTO usage.reservations (reservation, accounts, amount, source, made_at, expires_at)
    SELECT ids[m], ARRAY(SELECT h.account FROM unnest(held_of, held_by) AS h(i, account)
        WHERE h.i = m), amounts[m], sources[m], now, expiries[m]
    FROM unnest(made) AS m;
END $$;

-- Ends reservations of a source; returns those that had not ended before.
CREATE FUNCTION usage.release(by_source text, ids uuid[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DELETE FROM usage.reservations WHERE reservation = ANY (ids) AND source = by_source
    RETURNING reservation
$$;

-- Ends what has expired, and forgets all but the last changes.
CREATE FUNCTION usage.tidy_reservations(now timestamptz, kept bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (SELECT FROM usage.reservations WHERE expires_at <= now) THEN
        DELETE FROM usage.reservations WHERE expires_at <= now;
    END IF;
    DELETE FROM usage.holds WHERE change <= (SELECT max(change) FROM usage.holds) - kept;
END $$;

REVOKE ALL ON FUNCTION usage.holds_locked, usage.holds_told, usage.accounts_for,
    usage.spent_on_model, usage.reserve, usage.release, usage.tidy_reservations FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE ON usage.reservations FROM teamledger_service;
GRANT SELECT ON usage.holds TO teamledger_service;
GRANT EXECUTE ON FUNCTION usage.accounts_for, usage.spent_on_model, usage.reserve, usage.release,
    usage.tidy_reservations TO teamledger_service;
