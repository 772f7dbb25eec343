/** Invariants under any attack on n-1 channels (docs/SECURITY.md). Each returns its violations. */
import { ASSOCIATE_HEAD_LENGTH, associateLength, associationId } from "../../src/wire/associate.ts";
import { concat } from "../../src/wire/concat.ts";
import { COOKIE_LENGTH, GREETING_LENGTH } from "../../src/wire/greeting.ts";
import {
  bodiesOf,
  type ClientSide,
  clientSides,
  confirmed,
  directions,
  type Evidence,
  farEnd,
  joined,
  joinedShort,
  partsOf,
  type Party,
  serverSide,
} from "./evidence.ts";
import { FIRST_OPEN, type Said, sharesBegin } from "./steps.ts";

/** Checks one property. */
export type Invariant = (evidence: Evidence) => string[];

/** A client sends its first share on any channel only after the honest one has echoed the exact list. */
export const clientSharesAreConfirmed: Invariant = (evidence) =>
  clientSides(evidence).filter(({ shares }) => shares).flatMap(({ ends, list }) => {
    const { channels, honest } = evidence;
    const length = associateLength(channels);
    const { read, written } = ends[honest!]!;
    const echo = read.bytes.subarray(GREETING_LENGTH, GREETING_LENGTH + length).toHex();
    const first = Math.min(...ends.map((end) => end.written.reached(length + 1)));
    if (written.bytes.subarray(0, length).toHex() !== list) return ["shares, but the honest channel carried no list"];
    if (echo !== list) return ["shares, but the honest channel brought another list back"];
    return read.reached(GREETING_LENGTH + length) < first ? [] : ["a share before the honest channel's echo"];
  });

/** The server sends a share only once a client's honest channel has delivered the list, and its shares of an OPEN. */
export const serverSharesAreConfirmed: Invariant = (evidence) => {
  const honest = new Map(honestEnds(evidence).map(({ far, side }) => [far, side]));
  const wrong: string[] = [];
  for (const list of lists(evidence)) {
    const ends = serverSide(evidence, list);
    const begin = GREETING_LENGTH + list.length / 2 + 1;
    const first = Math.min(...ends.map(({ written }) => written.reached(begin)));
    if (first === Infinity) continue;
    const heard = ends.find((end) => honest.has(end));
    if (heard === undefined) {
      if (!evidence.stranger) wrong.push("the server sent a share to an association without an honest channel");
      continue;
    }
    if (honest.get(heard)!.list !== list) wrong.push("the server sent a share under another list");
    const open = list.length / 2 + FIRST_OPEN;
    if (heard.read.reached(open) > first) wrong.push("the server sent a share before the honest channel's OPEN");
  }
  return wrong;
};

/** No client and server continue with different lists, and a client continues only with its honest channel bound. */
export const listsAreTheSame: Invariant = (evidence) =>
  honestEnds(evidence).flatMap(({ side, far }) => {
    const list = confirmed(far);
    if (list !== null && list !== side.list) return ["the server bound the honest channel to another list"];
    return side.shares && list === null ? ["the client goes on, and its honest channel was left out"] : [];
  });

/** No two connections of an association arrived at one address. */
export const pathsAreDistinct: Invariant = (evidence) =>
  [...lists(evidence)].flatMap((list) => {
    const ends = serverSide(evidence, list);
    const hosts = new Set(ends.map(({ connection }) => connection.local.host));
    return hosts.size === ends.length ? [] : ["two connections of an association came to one address"];
  });

/** Each side accepts only records that the other has sent, in order, none missing. */
export const recordsAreAsSent: Invariant = (evidence) =>
  associated(evidence).flatMap((side) =>
    directions(evidence, side).flatMap(({ name, sent, taken }) => {
      const [bodies, accepted] = [sent, taken].map((message) => bodiesOf(message).map((body) => body.toHex()));
      const at = accepted!.findIndex((body, index) => body !== bodies![index]);
      return at < 0 ? [] : [`${name}: took ${accepted![at]} where ${bodies![at] ?? "nothing"} was sent`];
    })
  );

/**
 * A receiver of message bytes that were changed aborts their association, with all its sessions, as soon as the changed part
 * is complete, and its log tells why.
 */
export const tamperingIsNoticed: Invariant = (evidence) =>
  associated(evidence).flatMap((side) => {
    const id = idOf(side.list!);
    return directions(evidence, side).flatMap(({ name, sent, taken, lines }) => {
      if (!deviates(sent, taken)) return [];
      const mine = lines.filter(({ association }) => association === id);
      const failed = mine.find(({ event }) => event === "association failed");
      if (failed === undefined) return [`${name}: changed bytes, but the association ${id} did not fail`];
      const tampered = mine.some(({ reason }) => NOTICED.test(String(reason)));
      // A channel may have failed before the changed bytes were read.
      if (!tampered && !/^channel \d/.test(String(failed.reason))) return [`${name}: ${failed.reason}`];
      const since = lines.slice(lines.indexOf(failed));
      const ended = since.filter(({ event, session }) => event === "session ended" && String(session).startsWith(id));
      return ended.map(({ session }) => `${name}: session ${session} ended in order after its association failed`);
    });
  });

/** The reasons for which a record is refused. */
const NOTICED =
  /^(KEY|a record) with a wrong (tag|hash): it was tampered with$|^a record of \d+ bytes; 1 to 65536 are allowed$/;

/** Reports whether a part of the message was changed and has come whole. */
function deviates(sent: Uint8Array, taken: Uint8Array): boolean {
  const at = taken.findIndex((byte, index) => byte !== sent[index]);
  if (at < 0) return false;
  let end = 0;
  for (const length of partsOf(sent)) {
    end += length;
    if (end > at) return taken.length >= end;
  }
  return false;
}

/** A party is given the first of the bytes that another one said, and none that it didn't. */
export const nothingWrongIsHeard: Invariant = ({ parties }) =>
  parties.flatMap((party) => {
    const { kind, port, heard } = party;
    const others = parties.filter((other) => port === 7 ? other === party : other.kind !== kind && other.port === port);
    const right = others.some(({ says }) => heard.every((byte, index) => byte === says[index]));
    return right || heard.length === 0 ? [] : [`${kind} for port ${port} heard what nobody said to it`];
  });

/** A party sees an orderly end only after everything that the other has sent, and if the other has ended. */
export const endsAreAsMeant: Invariant = ({ parties, said }) =>
  parties.flatMap((party) => {
    const { kind, port, heard, end } = party;
    const full = lengthOf(party, said);
    if (heard.length > full) return [`${kind} for port ${port} heard ${heard.length} bytes of ${full}`];
    if (end !== "in order") return [];
    const others = parties.filter((other) => port === 7 ? other === party : other.kind !== kind && other.port === port)
      .filter(({ said }) => said);
    if (heard.length < full) return [`${kind} for port ${port} took ${heard.length} bytes of ${full} for all`];
    return others.length > 0 ? [] : [`${kind} for port ${port} saw an end that the other did not send`];
  });

/** Sessions lead to the requested destinations, none twice. */
export const destinationsAreAsAsked: Invariant = ({ parties, serverLines, stranger }) => {
  const wrong: string[] = [];
  for (const port of new Set(parties.map((party) => party.port))) {
    const [asked = 0, reached = 0] = (["application", "target"] as const).map((kind) =>
      parties.filter((party) => party.port === port && party.kind === kind).length
    );
    if (reached > asked) wrong.push(`port ${port} was reached ${reached} times, and asked for ${asked} times`);
    const others = parties.filter((party) => party.kind === "application" && party.port !== port);
    const targets = parties.filter((party) => party.kind === "target" && party.port === port);
    for (const { heard } of targets) {
      if (others.some(({ says }) => shows(LATIN1.decode(heard), LATIN1.decode(says)))) {
        wrong.push(`port ${port} got what was meant for another`);
      }
    }
  }
  const ports = new Set<unknown>([80, 443, 7, ...stranger ? [81] : []]);
  for (const line of serverLines) {
    if (line.event.startsWith("session") && !ports.has(line.port)) wrong.push(`asked for port ${line.port}`);
  }
  return wrong;
};

/** A side reports the other's abort only if that did abort, and a refusal only if there was one: never. */
export const abortsAreAsSent: Invariant = ({ serverLines, clientLines }) => {
  const wrong: string[] = [];
  for (const [lines, others] of [[clientLines, serverLines], [serverLines, clientLines]] as const) {
    const told = lines.some(({ reason }) => String(reason).startsWith("reset by the other side"));
    const failed = others.some(({ event }) => event === "session reset" || event === "association failed");
    if (told && !failed) wrong.push("one side was told of an abort that the other knows nothing of");
  }
  const refusals = /^(refused|unreachable|notallowed|overloaded|notprocessed|the target .*|no target .*)$/;
  if (clientLines.some(({ reason }) => refusals.test(String(reason)))) wrong.push("the client was told of a refusal");
  return wrong;
};

/** No share, and no sum of shares on the adversary's channels, reveals an application's bytes. */
export const nothingIsRead: Invariant = (evidence) => read(evidence) ? ["the adversary has read what was said"] : [];

/** Reports whether any sum of the adversary's shares contains eight consecutive bytes of any party. */
export function read({ adversary, channels, parties, short }: Evidence): boolean {
  const secrets = parties.map(({ says }) => LATIN1.decode(says));
  for (const rank of new Set(adversary.wires.map((wire) => wire.rank))) {
    for (const direction of ["up", "down"] as const) {
      const streams = adversary.wires.filter((wire) => wire.rank === rank)
        .map((wire) => concat(wire[direction].captured));
      const all = short && streams.length === channels ? joinedShort(streams, sharesBegin(direction, channels)) : null;
      if (all !== null && secrets.some((secret) => shows(LATIN1.decode(all), secret))) return true;
      for (let subset = 1; subset < 1 << streams.length; subset++) {
        const sum = joined(streams.filter((_, index) => subset >> index & 1), sharesBegin(direction, channels));
        const text = LATIN1.decode(sum);
        if (secrets.some((secret) => shows(text, secret))) return true;
      }
    }
  }
  return false;
}

/** Parties that are not attacked are unaffected. */
export const othersAreUndisturbed: Invariant = ({ disturbed }) => [...disturbed];

/** After the timeouts, nothing is held for the attacked sessions. */
export const everythingIsFreed: Invariant = ({ left }) => {
  const { connections, openEnds, timers } = left;
  if (connections === 0 && openEnds === 0 && timers === 0) return [];
  return [`left: ${connections} connections before, and ${openEnds} ends and ${timers} timers after closing`];
};

/** An attack that changes nothing, or hurts only its author, has no effect. */
export const sessionsAreAsEver: Invariant = ({ parties, said }) =>
  parties.length >= 4 &&
    parties.every((party) => party.end === "in order" && party.heard.length === lengthOf(party, said))
    ? []
    : ["a session failed"];

/** All invariants, for an adversary that does not own all channels. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  clientSharesAreConfirmed,
  serverSharesAreConfirmed,
  listsAreTheSame,
  pathsAreDistinct,
  recordsAreAsSent,
  tamperingIsNoticed,
  nothingWrongIsHeard,
  endsAreAsMeant,
  destinationsAreAsAsked,
  abortsAreAsSent,
  nothingIsRead,
  othersAreUndisturbed,
  everythingIsFreed,
};

/** Every attempt's honest channel at the server. */
function honestEnds(evidence: Evidence): { side: ClientSide; far: NonNullable<ReturnType<typeof farEnd>> }[] {
  return clientSides(evidence).flatMap((side) => {
    const near = side.ends.find(({ place }) => place.channel === evidence.honest);
    const far = near && farEnd(evidence, near);
    return far === undefined ? [] : [{ side, far }];
  });
}

/** Every list that the server has confirmed. */
function lists({ seen }: Evidence): Set<string> {
  return new Set(seen.filter(({ owner }) => owner === "server").flatMap((end) => confirmed(end) ?? []));
}

/** The clients' associations: those that the server has confirmed, too. */
function associated(evidence: Evidence): ClientSide[] {
  return clientSides(evidence).filter(({ list }) => list !== null && serverSide(evidence, list).length > 0);
}

/** The name of an association in logs. @param list In hexadecimal. */
function idOf(list: string): string {
  const cookies = Uint8Array.fromHex(list.slice(2 * ASSOCIATE_HEAD_LENGTH));
  return associationId(
    Array.from(
      { length: cookies.length / COOKIE_LENGTH },
      (_, index) => cookies.subarray(index * COOKIE_LENGTH, (index + 1) * COOKIE_LENGTH),
    ),
  );
}

/** Number of bytes that a party expects. */
function lengthOf({ kind, port, says }: Party, said: Said): number {
  if (port === 7) return says.length;
  if (port === 80) return kind === "application" ? said.answer + said.rest : said.data + said.more;
  return kind === "application" ? said.reply : said.second;
}

/** Bytes as a text of as many characters. */
const LATIN1 = new TextDecoder("latin1");

/** Reports whether `text` contains eight consecutive bytes of `secret`. */
function shows(text: string, secret: string): boolean {
  for (let at = 0; at + 8 <= secret.length; at += 4) {
    if (text.includes(secret.slice(at, at + 8))) return true;
  }
  return false;
}
