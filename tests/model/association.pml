/*
 * The association handshake (docs/PROTOCOL.md 2; paper, section III-D) against an owner of all channels but one.
 *
 * Two clients, alice and bob, each with N channels, of which one each is honest: channel 0 for alice, channel 1 for bob.
 * The adversary holds the clients' ends of all their other channels, and OWN connections of its own to the server. It
 * greets clients with whatever cookies it knows, or with one that is nobody's; sends the server any list of such cookies
 * on any of its connections; confirms clients' lists on its channels or does not; closes what it likes; and everything
 * takes as long as it likes, on the honest channels, too. It knows the cookies of its own connections, and a client's
 * honest one from when the client's list has come by.
 *
 * Messages on the honest channels are not touched. Time-outs may come at any moment. A connection sends one list: a
 * second one ends it.
 *
 * Connections at the server have their numbers for cookies: 1 is alice's honest one, 2 bob's, 3 and up the adversary's;
 * NOBODY is no connection's. A list is a number whose digits to the base 8 are its cookies, in order.
 *
 * With each of these something is left out that the protocol asks for: EARLY_SHARE, NOT_ALL_SENT, NOT_OWN_COOKIE,
 * SERVER_FIRST, GUESSABLE, HURTS_NAMED, ONE_ADDRESS, NO_COMPARE. With each of REACH_CLIENT, REACH_BOTH, REACH_REFUSED,
 * REACH_SERVER it is claimed that something never happens which should. With ONLY_SAME_LISTS nothing is
 * claimed but that both sides never go on with different lists.
 */

#ifndef N
#define N 2
#endif

#if N == 2
#define NAMES(which, c) ((which) % 8 == (c) || (which) / 8 == (c))
#else
#define NAMES(which, c) ((which) % 8 == (c) || (which) / 8 % 8 == (c) || (which) / 64 == (c))
#endif

/* The adversary's own connections, 3 or 4. */
#ifndef OWN
#define OWN 4
#endif
#define LAST (2 + OWN)

#define ALICE 0
#define BOB 1
/* The server's end of a client's honest channel. */
#define HONEST(client) ((client) + 1)
#define FIRST_OWN 3
#define NOBODY 7
/* In place of a list that matters no more, but has been seen; and of one that names somebody twice. */
#define SEEN 1000

/* Progress of a client. */
#define GREETING 0
#define ASKED 1
#define SHARING 2
#define GONE 3
byte stage[2];
/* The list that it has sent, and whether that is still on its way on the honest channel. */
short asked[2];
bool underWay[2];

/* State of a connection at the server. */
#define FREE 0
#define BOUND 1
#define CLOSED 2
byte state[LAST + 1];
/* The list that it has sent; of an honest one that is bound, the one that it is bound by; 0 where it does not matter. */
short sent[LAST + 1];
/* The channel on which it arrived. */
byte arrived[LAST + 1];

/* Of use within a step only. */
short list;
byte a, b, s, senders;
bool again, fails;

inline close(c) {
  state[c] = CLOSED; sent[c] = 0
}

/* Refuses a connection: for what it has sent, and for nothing that others have. */
inline refuse(c) {
#ifdef REACH_REFUSED
  assert(c != HONEST(ALICE));
#endif
  assert(c >= FIRST_OWN || sent[c] != 0);
  close(c)
}

/* Fails is whether a list can't come true: it names who is not free, or has sent another, or two on one path. */
inline judge(which) {
  fails = NAMES(which, NOBODY);
  a = 1;
  do
  :: a > LAST -> break
  :: a <= LAST ->
    if
    :: NAMES(which, a) ->
      fails = fails || state[a] != FREE || (sent[a] != 0 && sent[a] != which);
#ifndef ONE_ADDRESS
      b = a + 1;
      do
      :: b > LAST -> break
      :: b <= LAST -> fails = fails || (NAMES(which, b) && arrived[b] == arrived[a]); b++
      od;
#endif
    :: else
    fi;
    a++
  od;
  a = 0; b = 0
}

/* Refuses every sender of a list that can't be completed, until none is left. */
inline settle() {
  again = true;
  do
  :: !again -> break
  :: again ->
    again = false;
    s = 1;
    do
    :: s > LAST -> break
    :: s <= LAST ->
      if
      :: state[s] == FREE && sent[s] != 0 ->
        judge(sent[s]);
        if
        :: fails ->
          again = true;
#ifdef HURTS_NAMED
          list = sent[s];
          a = 1;
          do
          :: a > LAST -> break
          :: a <= LAST ->
            if
            :: NAMES(list, a) && state[a] == FREE -> refuse(a)
            :: else
            fi;
            a++
          od;
          a = 0;
          list = 0;
#endif
          if
          :: state[s] == FREE -> refuse(s)
          :: else
          fi;
          fails = false
        :: else
        fi
      :: else
      fi;
      s++
    od
  od;
  s = 0
}

/* The server takes a list that has come on a connection. */
inline submit(connection, which) {
  sent[connection] = which;
#ifndef NOT_OWN_COOKIE
  if
  :: !NAMES(which, connection) -> refuse(connection)
  :: else
  fi;
#endif
  settle();
  if
  :: state[connection] == FREE ->
    s = 1;
    do
    :: s > LAST -> break
    :: s <= LAST -> senders = senders + (state[s] == FREE && sent[s] == which); s++
    od;
#ifdef NOT_ALL_SENT
    senders = N;
#endif
    if
    :: senders >= N ->
      bind(which);
      settle()
    :: else
    fi;
    senders = 0; s = 0
  :: else
  fi
}

/* The server associates those that a list names. Of the adversary's own it does not matter what they carry. */
inline bind(which) {
#ifndef ONLY_SAME_LISTS
  /* Two clients are never in one association. */
  assert(!NAMES(which, 1) || !NAMES(which, 2));
  /* Nor are two connections that came by one path. */
  assert(!NAMES(which, 1) || !NAMES(which, 4));
#endif
  s = 1;
  do
  :: s > LAST -> break
  :: s <= LAST ->
    if
    :: NAMES(which, s) && s < FIRST_OWN -> state[s] = BOUND; sent[s] = which
    :: NAMES(which, s) && s >= FIRST_OWN -> close(s)
    :: else
    fi;
    s++
  od
}

/* Invariants of a client. */
inline checkClient(client) {
  /* It goes on only with the list that the server has bound its honest channel by. */
  assert(stage[client] != SHARING || (state[HONEST(client)] == BOUND && sent[HONEST(client)] == asked[client]));
#ifndef ONLY_SAME_LISTS
  /* By then that list has come over the honest channel, too. */
  assert(stage[client] != SHARING || !underWay[client]);
  /* The server binds its honest channel to no other list than its own. */
  assert(stage[client] == GONE || state[HONEST(client)] != BOUND || sent[HONEST(client)] == asked[client])
#endif
}

inline check() {
  checkClient(ALICE);
  checkClient(BOB);
#ifdef REACH_CLIENT
  assert(stage[BOB] != SHARING);
#endif
#ifdef REACH_BOTH
  assert(stage[ALICE] != SHARING || stage[BOB] != SHARING);
#endif
}

#ifdef GUESSABLE
#define KNOWN(client) true
#else
#define KNOWN(client) (asked[client] != 0)
#endif

/* Adds a cookie that the adversary knows, or an unused one, to the list; a repeated cookie makes the list invalid. */
inline add(place) {
  if
  :: KNOWN(ALICE) && state[1] == FREE -> s = 1
  :: KNOWN(BOB) && state[2] == FREE -> s = 2
  :: state[3] == FREE -> s = 3
  :: state[4] == FREE -> s = 4
  :: state[5] == FREE -> s = 5
#if OWN == 4
  :: state[6] == FREE -> s = 6
#endif
  :: s = NOBODY
  fi;
  list = (NAMES(list, s) -> SEEN : list + place * s);
  s = 0
}

/* The adversary greets a client on its other channels; the client sends its list on all. */
inline ask(client) {
  stage[client] == GREETING && list == 0 ->
  list = (client == ALICE -> 1 : 8 * 2);
  if
  :: client == ALICE -> add(8)
  :: else -> add(1)
  fi;
#if N == 3
  if
  :: list < SEEN -> add(64)
  :: else
  fi;
#endif
  d_step {
    if
    :: list < SEEN -> asked[client] = list; stage[client] = ASKED; underWay[client] = true
    :: else -> stage[client] = GONE
    fi;
    list = 0;
    check()
  }
}

/* A client closes all, and the server sees that of its honest channel. */
inline giveUp(client) {
  stage[client] = GONE; underWay[client] = false;
  asked[client] = (asked[client] == 0 -> 0 : SEEN);
  if
  :: state[HONEST(client)] == FREE -> close(HONEST(client)); settle()
  :: else -> sent[HONEST(client)] = 0
  fi
}

/* Used in ECHOED alone, which it can only make harder: with NO_COMPARE every step without it is possible, too. */
#ifdef NO_COMPARE
#define SAME(client) true
#else
#define SAME(client) (sent[HONEST(client)] == asked[client])
#endif

#ifdef EARLY_SHARE
#define ECHOED(client) true
#else
#define ECHOED(client) (state[HONEST(client)] == BOUND && SAME(client))
#endif

/*
 * The next events on a client's side: it asks; its list arrives; it has every echo, of which the adversary makes all
 * but one, and shares; it gives up, because of what came or did not; the server gives it up; the server shares.
 */
#define CLIENT(client) \
  :: atomic { ask(client) } \
  :: d_step { underWay[client] && state[HONEST(client)] == FREE -> \
      underWay[client] = false; submit(HONEST(client), asked[client]); check() } \
  :: d_step { stage[client] == ASKED && ECHOED(client) -> stage[client] = SHARING; check() } \
  :: d_step { stage[client] < SHARING -> giveUp(client); check() } \
  :: d_step { state[HONEST(client)] == FREE -> close(HONEST(client)); settle(); check() } \
  :: d_step { state[HONEST(client)] == BOUND OPEN_CAME(client) -> serverShares(client) }

/* An OPEN comes out only of the client's share on its honest channel: the adversary has no more than the others. */
#ifdef SERVER_FIRST
#define OPEN_CAME(client)
#else
#define OPEN_CAME(client) && stage[client] == SHARING
#endif

/* The server sends a share: then the client goes on with that list, and has its echo. */
inline serverShares(client) {
#ifdef REACH_SERVER
  assert(false);
#endif
  assert(stage[client] == SHARING && asked[client] == sent[HONEST(client)])
}

/* The adversary sends a list on one of its own connections, or closes it. */
inline own(connection) {
  state[connection] == FREE && list == 0 ->
  if
  :: sent[connection] == 0 ->
    add(1);
    add(8);
#if N == 3
    if
    :: list < SEEN -> add(64)
    :: else
    fi;
#endif
    d_step {
      if
      :: list < SEEN -> submit(connection, list)
      :: else
      fi;
      list = 0;
      check()
    }
  :: d_step { close(connection); settle(); check() }
  fi
}

active proctype world() {
  d_step {
    /* With these the adversary can relay alice, or bob, and with four connections both. Others are 0. */
    arrived[2] = 1;
    arrived[3] = 1;
#if N == 3
    arrived[5] = 2
#else
    arrived[5] = 0;
#if OWN == 4
    arrived[6] = 1
#endif
#endif
  }
end:
  do
  CLIENT(ALICE)
  CLIENT(BOB)
  :: atomic { own(3) }
  :: atomic { own(4) }
  :: atomic { own(5) }
#if OWN == 4
  :: atomic { own(6) }
#endif
  od
}
