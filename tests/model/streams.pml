/*
 * The streams of one association between honest handlers (docs/PROTOCOL.md 4 to 6), over two queues of frames that take
 * as long as they like. The client has SESSIONS sessions. Of each, the application sends UP bytes and the target DOWN
 * bytes; then both half-close. An application or a target may reset at any moment, the server handler may refuse a target,
 * and it may leave: then the client asks again elsewhere for the sessions that were not taken.
 *
 * Claims: neither side ever finds the other in violation of the protocol; no session is carried out twice; an end comes
 * behind all bytes; nothing gets stuck; and what nobody resets is whole.
 *
 * With each of these something is left out that the protocol asks for: NO_CREDIT, NO_GRANT, NO_LIMIT, NO_STREAMS, NO_LAST,
 * NOT_AGAIN, NO_IGNORE_OVER, NO_IGNORE_ABOVE, EARLY_DATA, DATA_BEHIND_END, OVER_AT_ONE_END. With each of REACH_AGAIN,
 * REACH_DONE it is claimed that something never happens which should.
 */

#define SESSIONS 2
#ifndef UP
#define UP 2
#define DOWN 1
#define QUEUE 2
#endif
/* Bytes that may be sent at first, and streams that may be opened at first. */
#define CREDIT 1
#define LIMIT 1

#define OPEN 1
#define RESULT 2
#define REFUSED 3
#define DATA 4
#define END 5
#define RESET 6
#define MORE 7
#define STREAMS 8
#define BYE 9

/* A frame's type, and its stream, limit or last stream. */
chan up = [QUEUE] of { byte, byte };
chan down = [QUEUE] of { byte, byte };

/* State of a stream on one side. WAITING is without a RESULT. */
#define NONE 0
#define WAITING 1
#define RUNNING 2
#define OVER 3
#define LIVE(state) (state == WAITING || state == RUNNING)

/* One side's part of a stream. */
typedef Part {
  byte state;
  byte sent; byte credit; bool sentEnd;
  byte got; byte granted; byte held; bool gotEnd
}

Part client[SESSIONS + 1], server[SESSIONS + 1];
byte opened, limit = LIMIT;
bool left;
byte taken, granted = LIMIT;
bool leaving, owesBye, released[SESSIONS + 1];

/* True if no side ever resets, and if the server handler never leaves: then nothing else helps a session on. */
bool patient, stays;

/* Times that a session was carried out, here or elsewhere. */
byte carried[SESSIONS + 1];

/* True once the target was connected, and the number of sides that then had all bytes and the end behind them. */
bool accepted[SESSIONS + 1];
byte heard[SESSIONS + 1];

/* Of use within a step only. */
byte type, n, i;

inline carry(which) {
  carried[which]++;
  assert(carried[which] <= 1)
}

/* The state of a part matters no more, and is the same for all. */
inline finish(part) {
  part.state = OVER;
  part.sent = 0; part.credit = 0; part.sentEnd = false;
  part.got = 0; part.granted = 0; part.held = 0; part.gotEnd = false
}

/* A stream is over when both ENDs have passed. */
inline settle(part) {
  if
#ifdef OVER_AT_ONE_END
  :: part.gotEnd || part.sentEnd -> finish(part)
#else
  :: part.gotEnd && part.sentEnd ->
#ifdef REACH_DONE
    assert(part.got < UP);
#endif
    finish(part)
#endif
  :: else
  fi
}

/* Frames on a stream that is over were sent before the other side could know. */
inline ignoreOver(part) {
#ifdef NO_IGNORE_OVER
  assert(part.state != OVER)
#else
  skip
#endif
}

inline takeData(part) {
  assert(!part.gotEnd);
  assert(part.got < part.granted);
  part.got++; part.held++
}

inline takeEnd(part, all) {
  assert(!part.gotEnd && part.got == all);
  part.gotEnd = true;
  heard[n]++;
  settle(part)
}

/* The client handles a frame. */
inline atClient() {
  if
  :: type == BYE ->
    left = true;
    i = 1;
    do
    :: i > opened -> break
    :: i <= opened ->
      if
#ifdef NO_LAST
      :: client[i].state == WAITING ->
#else
      :: client[i].state == WAITING && i > n ->
#endif
#ifndef NOT_AGAIN
        finish(client[i]);
#ifdef REACH_AGAIN
        assert(!left);
#endif
        carry(i)
#else
        skip
#endif
      :: else
      fi;
      i++
    od;
    i = 0
  :: type == STREAMS -> assert(n >= limit); limit = n
  :: type < STREAMS ->
    assert(n >= 1 && n <= opened);
    if
    :: client[n].state == OVER -> ignoreOver(client[n])
    :: type == RESULT && client[n].state != OVER -> assert(client[n].state == WAITING); client[n].state = RUNNING
    :: (type == REFUSED || type == RESET) && client[n].state != OVER -> finish(client[n])
    :: type == DATA && client[n].state != OVER -> assert(client[n].state == RUNNING); takeData(client[n])
    :: type == END && client[n].state != OVER -> assert(client[n].state == RUNNING); takeEnd(client[n], DOWN)
    :: type == MORE && client[n].state != OVER -> client[n].credit++
    fi
  fi
}

/* The server handles a frame. Once it leaves, it ignores frames of streams that it has not taken. */
inline atServer() {
  if
  :: type == OPEN && leaving -> owesBye = owesBye || taken == 0
  :: type == OPEN && !leaving ->
    assert(n == taken + 1);
    assert(n <= granted);
    taken = n;
    server[n].state = WAITING; server[n].credit = CREDIT; server[n].granted = CREDIT
  :: type != OPEN && n > taken ->
#ifdef NO_IGNORE_ABOVE
    assert(n <= taken)
#else
    assert(leaving)
#endif
  :: type != OPEN && n <= taken ->
    if
    :: server[n].state == OVER -> ignoreOver(server[n])
    :: type == DATA && server[n].state != OVER -> takeData(server[n])
    :: type == END && server[n].state != OVER -> takeEnd(server[n], UP)
    :: type == RESET && server[n].state != OVER -> finish(server[n])
    :: type == MORE && server[n].state != OVER -> server[n].credit++
    fi
  fi;
}

#ifdef NO_LIMIT
#define MAY_OPEN true
#else
#define MAY_OPEN (opened < limit)
#endif

#ifdef NO_CREDIT
#define MAY_SEND(part) true
#else
#define MAY_SEND(part) (part.credit > 0)
#endif

#ifdef DATA_BEHIND_END
#define GOES_ON(part) true
#else
#define GOES_ON(part) !part.sentEnd
#endif

#ifdef EARLY_DATA
#define ANSWERED(which) LIVE(server[which].state)
#else
#define ANSWERED(which) (server[which].state == RUNNING)
#endif

#ifdef NO_GRANT
#define grant(part, queue, which) skip
#else
#define grant(part, queue, which) \
  if \
  :: !part.gotEnd -> part.granted++; queue!MORE,which \
  :: else \
  fi
#endif

inline send(part, queue, which) {
  part.sent++;
  part.credit = (part.credit > 0 -> part.credit - 1 : 0);
  queue!DATA,which
}

inline end(part, queue, which) {
  part.sentEnd = true;
  queue!END,which;
  settle(part)
}

/* The next events on a stream, at the client, then at the server. */
#define STREAM(which) \
  :: d_step { LIVE(client[which].state) && GOES_ON(client[which]) && client[which].sent < UP && \
      MAY_SEND(client[which]) && nfull(up) -> send(client[which], up, which) } \
  :: d_step { LIVE(client[which].state) && !client[which].sentEnd && HAS_SENT(client[which].sent, UP) && nfull(up) -> \
      end(client[which], up, which) } \
  :: d_step { !patient && LIVE(client[which].state) && nfull(up) -> finish(client[which]); up!RESET,which } \
  :: d_step { LIVE(client[which].state) && client[which].held > 0 && nfull(up) -> \
      client[which].held--; grant(client[which], up, which) } \
  :: d_step { server[which].state == WAITING && nfull(down) -> \
      server[which].state = RUNNING; accepted[which] = true; carry(which); down!RESULT,which } \
  :: d_step { server[which].state == WAITING && nfull(down) -> finish(server[which]); down!REFUSED,which } \
  :: d_step { ANSWERED(which) && GOES_ON(server[which]) && server[which].sent < DOWN && MAY_SEND(server[which]) && \
      nfull(down) -> send(server[which], down, which) } \
  :: d_step { ANSWERED(which) && !server[which].sentEnd && HAS_SENT(server[which].sent, DOWN) && nfull(down) -> \
      end(server[which], down, which) } \
  :: d_step { !patient && server[which].state == RUNNING && nfull(down) -> finish(server[which]); down!RESET,which } \
  :: d_step { LIVE(server[which].state) && server[which].held > 0 && nfull(down) -> \
      server[which].held--; grant(server[which], down, which) } \
  RELEASE(which)

#ifdef DATA_BEHIND_END
#define HAS_SENT(sent, all) true
#else
#define HAS_SENT(sent, all) (sent == all)
#endif

/* The server lets the client open another stream once one is over. */
#ifdef NO_STREAMS
#define RELEASE(which)
#else
#define RELEASE(which) \
  :: d_step { server[which].state == OVER && !released[which] && nfull(down) -> \
      released[which] = true; granted++; down!STREAMS,granted }
#endif

active proctype association() {
  if
  :: patient = true
  :: patient = false
  fi;
  if
  :: stays = true
  :: stays = false
  fi;
  do
  :: d_step { !left && opened < SESSIONS && MAY_OPEN && nfull(up) ->
      opened++;
      client[opened].state = WAITING; client[opened].credit = CREDIT; client[opened].granted = CREDIT;
      up!OPEN,opened }
  :: d_step { nempty(up) -> up?type,n; atServer(); type = 0; n = 0 }
  :: d_step { nempty(down) -> down?type,n; atClient(); type = 0; n = 0 }
  STREAM(1)
  STREAM(2)
  :: d_step { !stays && !leaving && nfull(down) ->
      leaving = true;
      if
      :: taken > 0 -> down!BYE,taken
      :: else
      fi }
  :: d_step { owesBye && nfull(down) -> owesBye = false; down!BYE,0 }
  :: timeout -> break
  od;
  /* In the end each session is over, or was never requested of a server handler that had left; without a reset, whole. */
  assert(client[1].state == OVER || left);
  assert(client[2].state == OVER || (left && opened < 2));
  assert(client[1].state == OVER || opened < 1);
  assert(!patient || !accepted[1] || heard[1] == 2);
  assert(!patient || !accepted[2] || heard[2] == 2)
}
