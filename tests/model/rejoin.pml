/*
 * Joining a channel of an association again (docs/PROTOCOL.md 9), one channel of N in detail. The client sends UP bytes
 * and the server DOWN bytes, over up to BREAKS + 1 connections; each side keeps its shares until the other has acknowledged
 * them. Either side may lose a connection at any moment, by an error or by an orderly end, while what it has sent is still
 * on the way and the other side still uses it; a REJOIN may arrive when the client has given its connection up, before or
 * behind later ones. The other channels bring what they like when they like, and joined is the least of all.
 *
 * The adversary leads connections elsewhere, repeats a REJOIN on a connection of its own, forges some, and alters counts on
 * their way. It makes right codes only where it has seen one mask used twice. Message bytes are not altered here: records
 * are for that (docs/RECORDS.md).
 *
 * Claims: each byte arrives at its place; shares go to the other side only; no connection that both sides use gives way to
 * an earlier one; what the other side lacks is kept; an end comes behind all bytes; and once the breaks have ended, all is
 * joined.
 *
 * With each of these something is left out that the protocol asks for: OLD_KEPT, COUNT_NOT_COVERED, COOKIE_NOT_COVERED,
 * NO_ATTEMPTS, KEYS_APART, NOT_BURNT, ACK_RECEIVED, DROP_AT_SEND, SERVER_EARLY, CLIENT_EARLY, END_WHILE_OWING, NO_NOTICE.
 * With each of REACH_STALE, REACH_AGAIN, REACH_END it is claimed that something never happens which should.
 */

#ifndef N
#define N 2
#define UP 2
#define DOWN 2
#define BREAKS 2
#endif
/* Two keys are in use at once after two attempts with the first, of which one succeeds. */
#ifdef KEYS_APART
#undef BREAKS
#define BREAKS 3
#endif

#define CONNECTIONS (BREAKS + 1)
#define NO CONNECTIONS
/* Attempts that one key allows. */
#define ATTEMPTS BREAKS

/* State of a connection's end. Of the server's, FRESH is greeted, and VERIFIED answered with REJOINED. */
#define NONE 0
#define ASKING 1
#define FRESH 1
#define VERIFIED 2
#define LIVE 3
#define GONE 4

/*
 * A connection. A REJOIN or REJOINED on its way is the count that it states, plus one. The bytes on their way are those from
 * At up to End.
 */
typedef Connection {
  byte client; byte server; bool elsewhere;
  byte attempt; byte asked; byte answered;
  byte upAt; byte upEnd; byte downAt; byte downEnd
}

Connection to[CONNECTIONS];
byte opened = 1, breaks;

/* The connection that a side uses. */
byte current, live;
/* Bytes that a side has received, and that it knows to be joined by the other. */
byte clientGot, serverGot, clientAcked, serverAcked;
bool clientEnded, serverEnded;
/* Bytes that have arrived on the other channels. */
byte otherUp[N - 1], otherDown[N - 1];

/* Attempts are numbered over all keys. The client's next one; the newest key; what follows the last accepted attempt. */
byte next, key, after;
#ifdef KEYS_APART
byte afterOf[CONNECTIONS];
#endif
/* True once two codes were made with one mask; once a stranger has come: as that changes nothing, one is enough. */
bool twice, came;
#ifdef NOT_BURNT
bool tried;
#endif

/* Of use within a step only. */
byte i;
bool valid;

#define LEAST(one, other) ((one) < (other) -> (one) : (other))
#if N == 2
#define JOINED(got, other) LEAST(got, other[0])
#else
#define JOINED(got, other) LEAST(got, LEAST(other[0], other[1]))
#endif
#define SERVER_JOINED JOINED(serverGot, otherUp)
#define CLIENT_JOINED JOINED(clientGot, otherDown)

/* The bound on ACK. */
#ifdef ACK_RECEIVED
#define MOST(one, other) ((one) > (other) -> (one) : (other))
#define SERVER_ACKS MOST(serverGot, otherUp[0])
#define CLIENT_ACKS MOST(clientGot, otherDown[0])
#else
#define SERVER_ACKS SERVER_JOINED
#define CLIENT_ACKS CLIENT_JOINED
#endif

/* The first byte that a side keeps, if it uses a connection or has used it last. */
#ifdef DROP_AT_SEND
byte clientSent, serverSent;
#define CLIENT_KEEPS clientSent
#define SERVER_KEEPS serverSent
#else
#define CLIENT_KEEPS clientAcked
#define SERVER_KEEPS serverAcked
#endif

/* A side whose streams are over still owes what the other has not joined. */
#ifdef END_WHILE_OWING
#define OWES(acked, all) false
#else
#define OWES(acked, all) (acked < all)
#endif
#define CLIENT_IN_USE (CLIENT_JOINED < DOWN || OWES(clientAcked, UP))
#define SERVER_IN_USE (SERVER_JOINED < UP || OWES(serverAcked, DOWN))

inline forget(c) {
  if
  :: to[c].client == GONE && to[c].server == GONE -> to[c].attempt = 0; to[c].elsewhere = false
  :: else
  fi
}

/* A side gives its end up: nothing that is on its way to it arrives any more. */
inline clientLets(c) {
  to[c].client = GONE; to[c].answered = 0; to[c].downAt = 0; to[c].downEnd = 0;
  current = (current == c -> NO : current);
  forget(c)
}

inline serverLets(c) {
  to[c].server = GONE; to[c].asked = 0; to[c].upAt = 0; to[c].upEnd = 0;
  live = (live == c -> NO : live);
  forget(c)
}

/* The association is over on a side; nothing that it has sent may be missing. */
inline clientEnds(c) {
#ifdef REACH_END
  assert(CLIENT_JOINED < DOWN);
#endif
  assert(SERVER_JOINED == UP);
  clientLets(c);
  clientEnded = true
}

inline serverEnds(c) {
  assert(CLIENT_JOINED == DOWN);
  serverLets(c);
  serverEnded = true
}

/* The client connects, and sends REJOIN with an attempt that is used up by that. */
inline ask(c, away) {
  current = c;
  to[c].client = ASKING;
  to[c].elsewhere = away;
  to[c].server = (away -> GONE : FRESH);
  to[c].attempt = next;
  to[c].asked = (away -> 0 : clientGot + 1);
#ifdef NOT_BURNT
  twice = twice || tried;
  tried = true;
#else
  next++;
#endif
#ifdef CLIENT_EARLY
  to[c].upAt = CLIENT_KEEPS; to[c].upEnd = CLIENT_KEEPS;
#endif
  opened++
}

#ifdef NO_ATTEMPTS
#define NOT_USED(number) true
#else
#ifdef KEYS_APART
#define NOT_USED(number) (number >= afterOf[number / ATTEMPTS] && number / ATTEMPTS + 1 >= key)
#else
#define NOT_USED(number) (number >= after)
#endif
#endif

/* A REJOIN is right, or the server does not look. The terms are those that its code covers. */
inline verify(number, cookieIsRight, countIsRight, codeIsRight) {
  valid = NOT_USED(number);
#ifndef COOKIE_NOT_COVERED
  valid = valid && cookieIsRight;
#endif
#ifndef COUNT_NOT_COVERED
  valid = valid && countIsRight;
#endif
  valid = valid && codeIsRight
#ifdef SERVER_EARLY
  valid = true
#endif
}

/* The server gives the old connection up, then states what it has received. */
inline accept(c, count) {
  assert(live == NO || live < c || to[live].client != LIVE);
#ifdef REACH_STALE
  assert(to[c].client != GONE);
#endif
  after = to[c].attempt + 1;
#ifdef KEYS_APART
  afterOf[to[c].attempt / ATTEMPTS] = after;
#endif
#ifndef OLD_KEPT
  if
  :: live != NO -> i = live; serverLets(i); i = 0
  :: else
  fi;
#endif
  to[c].asked = count + 1;
  to[c].server = VERIFIED;
  to[c].answered = (to[c].client == GONE -> 0 : serverGot + 1)
}

inline rejoinArrives(c, count) {
  verify(to[c].attempt, true, count + 1 == to[c].asked, true);
  if
  :: valid && !serverEnded -> accept(c, count)
  :: else -> serverLets(c)
  fi;
  valid = false
}

#ifdef KEYS_APART
#define IS_LAST(c) (afterOf[to[c].attempt / ATTEMPTS] == to[c].attempt + 1)
#else
#define IS_LAST(c) (after == to[c].attempt + 1)
#endif

/* The server goes on over a connection, unless a later one has been accepted, and offers another key. */
inline resume(c) {
  if
  :: IS_LAST(c) && !serverEnded ->
    assert(live == NO || live < c || to[live].client != LIVE);
    to[c].server = LIVE;
    live = c;
    to[c].downAt = to[c].asked - 1; to[c].downEnd = to[c].downAt;
    assert(SERVER_KEEPS <= to[c].downAt && to[c].downAt <= DOWN);
    key = (to[c].attempt / ATTEMPTS == key -> key + 1 : key);
    to[c].asked = 0;
    if
    :: to[c].client == GONE -> to[c].downAt = 0; to[c].downEnd = 0
    :: else
    fi
  :: else -> serverLets(c)
  fi
}

/* The client takes an answer: it goes on where the server is, or gives the connection up. */
inline rejoinedArrives(c, count) {
  valid = count + 1 == to[c].answered;
#ifdef COUNT_NOT_COVERED
  valid = true;
#endif
  if
  :: valid ->
#ifdef REACH_AGAIN
    assert(to[c].attempt < ATTEMPTS);
#endif
    to[c].client = LIVE;
#ifndef CLIENT_EARLY
    to[c].upAt = count; to[c].upEnd = count;
#endif
#ifdef NOT_BURNT
    next++; tried = false;
#endif
    assert(CLIENT_KEEPS <= count && count <= UP);
    to[c].answered = 0;
    if
    :: to[c].server == GONE -> to[c].upAt = 0; to[c].upEnd = 0
    :: else
    fi
  :: else -> clientLets(c)
  fi;
  valid = false
}

/* A connection of a stranger's that brings a REJOIN: refused, nothing has changed. */
inline stranger(number, codeIsRight) {
  verify(number, false, true, codeIsRight);
  valid = valid || (twice && NOT_USED(number));
  assert(!valid || serverEnded);
  valid = false;
  came = true
}

#ifdef CLIENT_EARLY
#define MAY_SEND(c) (to[c].client == ASKING || to[c].client == LIVE)
#else
#define MAY_SEND(c) (to[c].client == LIVE)
#endif

inline clientSends(c) {
  assert(!to[c].elsewhere);
  to[c].upEnd++;
#ifdef DROP_AT_SEND
  clientSent = to[c].upEnd
#endif
}

inline serverSends(c) {
  to[c].downEnd++;
#ifdef DROP_AT_SEND
  serverSent = to[c].downEnd
#endif
}

#ifdef NO_NOTICE
#define NOTICES false
#else
#define NOTICES true
#endif

/* The next events on a connection. Whatever is lost without the other end's doing counts as a break. */
#define CONNECTION(c) \
  :: d_step { MAY_SEND(c) && to[c].upEnd < UP && (to[c].server != GONE || to[c].elsewhere) -> clientSends(c) } \
  :: d_step { to[c].server == LIVE && to[c].upAt < to[c].upEnd -> \
      assert(to[c].upAt == serverGot); to[c].upAt++; serverGot++ } \
  :: d_step { to[c].server == LIVE && live == c && to[c].downEnd < DOWN && to[c].client != GONE -> serverSends(c) } \
  :: d_step { to[c].client == LIVE && to[c].downAt < to[c].downEnd -> \
      assert(to[c].downAt == clientGot); to[c].downAt++; clientGot++ } \
  :: d_step { to[c].server == FRESH && to[c].asked > 0 -> rejoinArrives(c, to[c].asked - 1) } \
  :: d_step { to[c].server == VERIFIED -> resume(c) } \
  :: d_step { to[c].client == ASKING && to[c].answered > 0 -> rejoinedArrives(c, to[c].answered - 1) } \
  :: d_step { breaks < BREAKS && (to[c].client == ASKING || to[c].client == LIVE) -> breaks++; clientLoses(c) } \
  :: d_step { NOTICES && (to[c].client == ASKING || to[c].client == LIVE) && to[c].server == GONE -> clientLoses(c) } \
  :: d_step { breaks < BREAKS && to[c].server >= FRESH && to[c].server <= LIVE -> breaks++; serverLets(c) } \
  :: d_step { NOTICES && to[c].server >= FRESH && to[c].server <= LIVE && to[c].client == GONE -> serverLets(c) } \
  :: d_step { breaks < BREAKS && to[c].server == LIVE && SERVER_JOINED == serverGot -> breaks++; serverHearsEnd(c) } \
  :: d_step { breaks < BREAKS && to[c].client == LIVE && CLIENT_JOINED == clientGot -> breaks++; clientLoses(c) } \
  ADVERSARY(c)

/* The client joins a channel again only while it needs it. */
inline clientLoses(c) {
  if
  :: to[c].client == LIVE && !CLIENT_IN_USE -> clientEnds(c)
  :: else -> clientLets(c)
  fi
}

/* After an error the server waits in any case. */
inline serverHearsEnd(c) {
  if
  :: SERVER_IN_USE -> serverLets(c)
  :: else -> serverEnds(c)
  fi
}

/* A message that was seen on a connection is altered, or repeated on another one. */
#define ADVERSARY(c) \
  :: d_step { breaks < BREAKS && to[c].server == FRESH && to[c].asked > 0 -> \
      breaks++; rejoinArrives(c, (to[c].asked == 1 -> 1 : to[c].asked - 2)) } \
  :: d_step { breaks < BREAKS && to[c].client == ASKING && to[c].answered > 0 -> \
      breaks++; rejoinedArrives(c, (to[c].answered == 1 -> 1 : to[c].answered - 2)) } \
  :: d_step { !came && c > 0 && c < opened && to[c].client != GONE -> stranger(to[c].attempt, true) }

#define BRINGS(other, all) \
  :: d_step { other < all -> other++ }

active proctype channel() {
  d_step {
    to[0].client = LIVE;
    to[0].server = LIVE
  }
  do
  CONNECTION(0)
  CONNECTION(1)
  CONNECTION(2)
#if BREAKS > 2
  CONNECTION(3)
#endif
  :: d_step { current == NO && !clientEnded && opened < CONNECTIONS -> ask(opened, false) }
  :: d_step { current == NO && !clientEnded && opened < CONNECTIONS && breaks < BREAKS -> breaks++; ask(opened, true) }
  /* An OFFER of another key has been joined. */
  :: d_step { next < key * ATTEMPTS -> next = key * ATTEMPTS }
  /* A forged REJOIN, with the next number. */
  :: d_step { !came && after < key * ATTEMPTS + ATTEMPTS -> stranger(after, false) }
  BRINGS(otherUp[0], UP)
  BRINGS(otherDown[0], DOWN)
#if N == 3
  BRINGS(otherUp[1], UP)
  BRINGS(otherDown[1], DOWN)
#endif
  /* ACK, of anything up to what has been joined. */
  :: d_step { clientAcked < SERVER_ACKS -> clientAcked++ }
  :: d_step { serverAcked < CLIENT_ACKS -> serverAcked++ }
  :: timeout -> break
  od;
  assert(SERVER_JOINED == UP && CLIENT_JOINED == DOWN)
}
