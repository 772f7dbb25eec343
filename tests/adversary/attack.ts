/** The definition of an attack. */
import type { Address } from "../../src/net/address.ts";
import type { Adversary } from "./adversary.ts";
import type { AgainPart } from "./again.ts";
import type { Evidence } from "./evidence.ts";
import type { Act, Wire } from "./lane.ts";
import type { Step } from "./steps.ts";

/** An attempt on the owned channels. */
export interface Attack {
  /** Describes the attempt. */
  readonly name: string;
  /** The steps at which it acts. */
  readonly steps: readonly Step[];
  /** Returns what replaces the unit. */
  readonly act: Act;
  /** Runs before the client's connection is made; its error becomes the connection's. */
  readonly reached?: (adversary: Adversary) => Promise<void>;
  /** Maps a channel to the address that it is really connected to. Default: its own. */
  readonly connect?: (channel: number, adversary: Adversary) => Address;
  /** Runs before anything is relayed. */
  readonly connected?: (wire: Wire) => void | Promise<void>;
  /** Minimum number of owned channels. Default: 1. */
  readonly least?: number;
  /** The client whose second association is set up at the same time. Default: none. */
  readonly second?: "same client" | "other client";
  /** Set if shares are short, and the second pieces that are said long enough to be dispersed. */
  readonly short?: true;
  /** Set if it uses an earlier association that it overheard. */
  readonly rehearsed?: true;
  /** Set if the honest channel must be slow, so that the others deliver first. */
  readonly slow?: true;
  /** Set if it opens its own session, as a stranger may, to the port for that. */
  readonly stranger?: true;
  /** Set if the sessions must succeed as if there were no attack. */
  readonly harmless?: true;
  /** Set if broken channels are joined again, and that is attacked. */
  readonly again?: AgainPart;
  /** Checks the success of an adversary that owns all channels. */
  readonly succeeded?: (evidence: Evidence) => boolean;
}
