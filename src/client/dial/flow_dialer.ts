import type { ClientConfig } from "../../config/types.ts";
import { reasonOf } from "../../errors/errors.ts";
import type { DatagramLink, FlowReceiver } from "../../datagrams/link.ts";
import { MAX_FLOW } from "../../datagrams/packet.ts";
import { tooLargeReason } from "../../datagrams/payload_limit.ts";
import type { Log } from "../../log/log.ts";
import { type Address, formatAddress } from "../../net/address.ts";
import { hostBytes } from "../../net/ip.ts";
import type { Activity } from "../../observe/activity.ts";
import { FlowStream } from "../../session/flow_stream.ts";
import { NotProcessedError } from "../../session/session.ts";
import type { Traffic } from "../../session/traffic.ts";
import { TargetError } from "../../streams/errors.ts";
import type { Multiplexer } from "../../streams/multiplexer.ts";
import type { Clock } from "../../time/clock.ts";
import { deadline } from "../../time/deadline.ts";
import { ResetCode, ResultCode } from "../../wire/frame.ts";
import type { Open } from "../../wire/open.ts";
import { Associations, type Obtained } from "./associations.ts";

/** Maximum number of times that a flow is requested again after a server handler did not process it. */
const MAX_REPEATS = 3;

/** A flow as it is carried on one association after the other. */
export interface CarriedFlow {
  /** The application's address. */
  readonly source: Address;
  /** Bytes of payloads. */
  readonly traffic: Traffic;
  /** Resolves when the flow is over on this side. */
  readonly over: Promise<void>;
  /** The flow is open: datagrams can be sent until the function passed is another one, or null once it is not open. */
  carriedBy(send: ((payload: Uint8Array, trafficClass: number) => boolean) | null): void;
  /** Takes a datagram from the server. */
  receive(payload: Uint8Array<ArrayBuffer>, trafficClass: number): void;
  /** Reports a datagram that was not sent as it is too large. */
  tooLarge(reason: string): void;
}

/** Options of {@linkcode FlowDialer}. */
export interface FlowDialerOptions {
  /** Time limits, and a switch to tell server handlers the applications' addresses. */
  readonly config: () => Pick<ClientConfig, "timeouts" | "sendSource">;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Gets a line for each flow. */
  readonly log: Log;
  /** Counts flows as sessions. */
  readonly activity: Activity;
}

/** The answer of the server handler did not come. */
class NoAnswer extends Error {
  constructor(ms: number) {
    super(`no answer from the server handler within ${ms / 1000} s`);
  }
}

/** Carries flows of datagrams to one server handler, each beside a stream of an association. */
export class FlowDialer {
  readonly #server: string;
  readonly #associations: Associations;
  readonly #options: FlowDialerOptions;
  /** The number of the last flow. */
  #last = 0;

  /** Starts without flows. @param server The server's name. */
  constructor(server: string, associations: Associations, options: FlowDialerOptions) {
    this.#server = server;
    this.#associations = associations;
    this.#options = options;
  }

  /**
   * Carries a flow until either side ends it.
   *
   * @param port Requested port of the server handler.
   * @returns True if this side ended it, false if the server handler did.
   * @throws {TargetError} When the server handler refuses it.
   * @throws {ChannelError} When there is no association, or its association fails.
   */
  async carry(flow: CarriedFlow, port: number): Promise<boolean> {
    for (let repeats = 0;; repeats++) {
      let number = 0, link: DatagramLink | undefined;
      const stream = new FlowStream();
      const receiver: FlowReceiver = (payload, trafficClass) => flow.receive(payload, trafficClass);
      const obtained = await this.#associations.obtain((multiplexer) => {
        link = this.#associations.links.of(multiplexer);
        number = this.#numberOn(link);
        // Attached now, so that no other flow takes the number.
        link.attach(number, receiver);
        return this.#open(flow, port, number);
      }, stream);
      this.#associations.warmUp();
      try {
        return await this.#carry(flow, port, { obtained, link: link!, number, stream });
      } catch (error) {
        if (!(error instanceof NotProcessedError) || repeats === MAX_REPEATS) throw error;
        this.#associations.rejected(obtained, error);
      } finally {
        flow.carriedBy(null);
        link!.detach(number, receiver);
      }
    }
  }

  async #carry(
    flow: CarriedFlow,
    port: number,
    { obtained, link, number, stream: answers }: {
      readonly obtained: Obtained;
      readonly link: DatagramLink;
      readonly number: number;
      readonly stream: FlowStream;
    },
  ): Promise<boolean> {
    const { clock, activity, config } = this.#options;
    const { stream, multiplexer } = obtained, { association } = multiplexer;
    const id = `${association.id}.${stream.number}`, from = formatAddress(flow.source);
    const log = this.#options.log.with({ flow: id, server: this.#server, port, from });
    const began = clock.now(), before = { ...flow.traffic };
    const open = activity.session({
      id,
      from,
      to: this.#server,
      port,
      association,
      traffic: flow.traffic,
      datagrams: true,
    });
    try {
      const answered = this.#answered(answers, multiplexer, config().timeouts);
      let byThisSide = true;
      if (await Promise.race([answered.then(() => true), flow.over.then(() => false)])) {
        this.#associations.answered(obtained);
        log.debug("flow");
        flow.carriedBy((payload, trafficClass) => {
          if (link.send(number, payload, trafficClass)) return true;
          if (link.isUsable && payload.length > link.maxPayload) {
            flow.tooLarge(tooLargeReason(payload.length, link.maxPayload));
          }
          return false;
        });
        byThisSide = await Promise.race([flow.over.then(() => true), answers.over.then(() => false)]);
        flow.carriedBy(null);
      }
      // Otherwise the association might end with the stream half open.
      await answers.end(stream, clock);
      activity.sessionOver(open);
      log.info("flow ended", {
        "bytes-up": flow.traffic.sent - before.sent,
        "bytes-down": flow.traffic.received - before.received,
        ms: Math.round(clock.now() - began),
        reason: byThisSide ? "silent, or closed here" : "ended by the server",
      });
      return byThisSide;
    } catch (error) {
      stream.reset(ResetCode.Shutdown);
      const unprocessed = error instanceof TargetError && error.code === ResultCode.NotProcessed;
      const cause = unprocessed ? new NotProcessedError(reasonOf(error), { cause: error }) : error;
      activity.sessionOver(open, cause);
      throw cause;
    }
  }

  /** Waits for the answer to OPEN. */
  async #answered(
    answers: FlowStream,
    { association }: Multiplexer,
    { connect, handshake }: ClientConfig["timeouts"],
  ): Promise<void> {
    // The server handler resolves the target's name within `connect`; while a channel is away, nothing can come.
    const ms = connect + handshake;
    for (;;) {
      using limit = deadline(this.#options.clock, ms, { reason: () => new NoAnswer(ms) });
      try {
        return await limit.race(answers.answer);
      } catch (error) {
        if (!(error instanceof NoAnswer) || !association.isPaused) throw error;
      }
    }
  }

  /** A number that no flow of a link has. @throws {RangeError} If there is none. */
  #numberOn(link: DatagramLink): number {
    for (let tries = 0; tries < MAX_FLOW; tries++) {
      // From 1, as 0 stands for none.
      this.#last = this.#last % MAX_FLOW + 1;
      if (!link.has(this.#last)) return this.#last;
    }
    throw new RangeError("all numbers of flows are in use");
  }

  #open({ source }: CarriedFlow, port: number, flow: number): Open {
    const destination = { kind: "datagrams", port, flow } as const;
    const address = this.#options.config().sendSource ? hostBytes(source.host) : null;
    return address === null ? { destination } : { destination, source: { address, port: source.port } };
  }
}
