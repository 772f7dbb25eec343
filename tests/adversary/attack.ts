/** What an attack is. */
import type { Address } from "../../src/net/address.ts";
import type { Adversary } from "./adversary.ts";
import type { Evidence } from "./evidence.ts";
import type { Act, Wire } from "./lane.ts";
import type { Step } from "./steps.ts";

/** Something to try on the channels that one owns. */
export interface Attack {
  /** What it does. */
  readonly name: string;
  /** When it does it. */
  readonly steps: readonly Step[];
  /** What goes on in place of the unit. */
  readonly act: Act;
  /** Done before the client's connection comes about; its failure is the connection's. */
  readonly reached?: (adversary: Adversary) => Promise<void>;
  /** Where a channel is really connected to. Default: where the client wanted to. */
  readonly connect?: (channel: number, adversary: Adversary) => Address;
  /** Done before anything goes on. */
  readonly connected?: (wire: Wire) => void | Promise<void>;
  /** The fewest channels that it needs to own. Default: 1. */
  readonly least?: number;
  /** Whose second association is set up at the same time. Default: nobody's. */
  readonly second?: "same client" | "other client";
  /** Whether it needs an earlier association to have been overheard. */
  readonly rehearsed?: true;
  /** Whether the honest channel happens to be slow: what is on the others arrives first. */
  readonly slow?: true;
  /** Whether it opens a session of its own, as a stranger may, to the port for that. */
  readonly stranger?: true;
  /** Whether the sessions must come about as if nothing was. */
  readonly harmless?: true;
  /** For who owns all channels: whether it has reached what it wanted. */
  readonly succeeded?: (evidence: Evidence) => boolean;
}
