import type { Association } from "../association/association.ts";
import type { DatagramCounts } from "../datagrams/counts.ts";
import { type DatagramLink, NO_FLOW } from "../datagrams/link.ts";
import type { Address } from "../net/address.ts";
import type { DatagramNetwork } from "../net/datagram.ts";
import { isIp } from "../net/ip.ts";
import type { Lookups } from "../net/names/lookups.ts";
import type { FlowStream } from "../session/flow_stream.ts";
import type { Traffic } from "../session/traffic.ts";
import type { Stream } from "../streams/stream.ts";
import type { Clock } from "../time/clock.ts";
import { type DatagramMeans, requireHandles } from "../wire/datagrams.ts";
import { ResultCode } from "../wire/frame.ts";
import { WireError } from "../wire/decoder.ts";
import type { ServerDatagrams } from "./datagrams.ts";
import { TargetFlow } from "./target_flow.ts";

/** Options of {@linkcode AssociationFlows}. */
export interface AssociationFlowsOptions {
  /** Returns the UDP side of the handler's channels; null if it has none. */
  readonly datagrams: () => ServerDatagrams | null;
  /** Makes the sockets towards targets. */
  readonly datagramNetwork: DatagramNetwork;
  /** Counts. */
  readonly activity: { readonly datagrams: DatagramCounts };
  /** Resolves the names of targets. */
  readonly lookups: Lookups;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Returns the current time limits. */
  readonly timeouts: () => { readonly connect: number; readonly flow: number };
  /** The client handler's host, on whose behalf names are resolved. */
  readonly source: string;
  /** Hands out this side's means to send datagrams. */
  readonly handOut: (means: DatagramMeans) => void;
}

/** The flows of datagrams of one association. */
export class AssociationFlows {
  readonly #association: Association;
  readonly #options: AssociationFlowsOptions;
  /** The means that the client has handed out. */
  #means: DatagramMeans | null = null;
  #link: DatagramLink | null = null;
  #hasHandedOut = false;
  /** The stream of each flow, by the flow's number. */
  readonly #streams = new Map<number, Stream>();
  readonly #leaving = Promise.withResolvers<void>();

  /** Starts without flows. */
  constructor(association: Association, options: AssociationFlowsOptions) {
    this.#association = association;
    this.#options = options;
  }

  /** Takes the client's means to send datagrams. @throws {WireError} If it did so before, or not for all channels. */
  accept(means: DatagramMeans): void {
    if (this.#means !== null) throw new WireError("a second DATAGRAMS");
    requireHandles(means, this.#association.connections.length);
    this.#means = means;
  }

  /** Notes that a channel has been joined, again or for the first time. */
  joined(index: number): void {
    if (this.#link !== null) this.#options.datagrams()?.joined(this.#association, this.#link, index);
  }

  /** Ends all flows, so that the client opens them elsewhere. */
  leave(): void {
    this.#leaving.resolve();
  }

  /**
   * Takes the number of a flow for a stream, until that is over.
   *
   * @throws {WireError} If the client has handed out no means, or the number is 0 or in use.
   */
  reserve(number: number, stream: Stream): void {
    if (this.#means === null) throw new WireError("OPEN of a flow before DATAGRAMS");
    if (number === NO_FLOW) throw new WireError("OPEN of flow 0");
    if (this.#streams.get(number)?.over === false) throw new WireError(`OPEN of flow ${number}, which is open`);
    this.#streams.set(number, stream);
  }

  /** Forgets a stream, with which all is done. */
  release(number: number, stream: Stream): void {
    if (this.#streams.get(number) === stream) this.#streams.delete(number);
  }

  /**
   * Opens a flow.
   *
   * @param number Its number, which is reserved.
   * @param target A host and port; a name is resolved.
   * @returns Null if the handler carries no datagrams.
   * @throws The error of looking up the name, or the system's.
   */
  async open(number: number, { host, port }: Address, traffic: Traffic): Promise<TargetFlow | null> {
    const { datagrams, datagramNetwork: network, lookups, clock, timeouts } = this.#options;
    const { activity: { datagrams: counts } } = this.#options;
    const link = this.#link ??= this.#makeLink();
    if (link === null) return null;
    const options = { clock, timeout: timeouts().connect, source: this.#options.source };
    const [address] = isIp(host) ? [host] : await lookups.addresses(host, options);
    const target = { host: address!, port }, timeout = () => 2 * timeouts().flow;
    const tooLarge = (reason: string) => datagrams()?.tooLarge(this.#association, target, reason);
    return new TargetFlow({ network, target, link, number, traffic, clock, counts, tooLarge, timeout });
  }

  /**
   * Answers the client, and carries a flow until either side ends it.
   *
   * @throws The stream's error.
   */
  async carry(flow: TargetFlow, stream: Stream, answers: FlowStream): Promise<void> {
    try {
      if (!this.#hasHandedOut) this.#options.handOut(this.#link!.means);
      this.#hasHandedOut = true;
      stream.answer(ResultCode.Ok);
      await Promise.race([flow.silent, answers.over, this.#leaving.promise]);
    } finally {
      flow.close();
    }
    await answers.end(stream, this.#options.clock);
  }

  /** Not before the first flow: the handler may have got its first target of datagrams after the client's means. */
  #makeLink(): DatagramLink | null {
    const link = this.#options.datagrams()?.link(this.#association) ?? null;
    link?.accept(this.#means!);
    return link;
  }
}
