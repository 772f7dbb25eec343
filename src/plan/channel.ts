/** One channel in the model: each of its properties is independent of those of other channels. */
export interface Channel {
  /** Its address and way, as configured. */
  readonly address: string;
  /** Probability that an adversary reads it, 0 to 1. */
  readonly risk: number;
  /** Probability that a share sent on it is lost, from 0 to below 1. */
  readonly loss: number;
  /** Time that a share takes to arrive, in milliseconds. */
  readonly delay: number;
  /** Throughput of plain TCP over it, in bits per second; above 0. */
  readonly rate: number;
  /** Properties that were measured; the others are given. */
  readonly measured?: readonly string[];
  /** Number of round trips behind a measured loss. */
  readonly roundTrips?: number;
}

/** Consequences of a choice of channels and threshold. */
export interface Properties {
  /** Probability that an adversary can read a record, 0 to 1. */
  readonly risk: number;
  /** Throughput of content, in bits per second. */
  readonly rate: number;
  /** Probability that a record can't be joined from the shares that arrive, 0 to 1. */
  readonly loss: number;
  /** Mean time until a record that can be joined is, in milliseconds. */
  readonly delay: number;
}
