import { DATAGRAMS_WASM } from "./datagrams_wasm.ts";

/** Addresses in the module's memory, as in scripts/wasm/datagrams.ts: a key k, and the tables made of it. */
export const K = 0, TABLES = 32, TABLES_END = 2080;

/** Bytes of the room for a message of at most 65,551 bytes, the packet's head before it, and 64 bytes behind it. */
const MESSAGE_ROOM = 65_664, HEAD = 14;

/** Addresses of the message that is sealed and of the one that is joined: modulo 8 that of a message in its packet. */
export const SEALED: number = TABLES_END + HEAD, JOINED: number = SEALED + MESSAGE_ROOM;

/** Bytes of a room for a packet that waits. */
export const PACKET_ROOM = 2048;

/** Address of the first of these rooms, and their number. */
export const ROOMS: number = JOINED - HEAD + MESSAGE_ROOM, ROOM_COUNT = 2048;

/** The functions of scripts/wasm/datagrams.ts, whose addresses are in {@linkcode memory}. */
export interface Module {
  /** Makes the tables of the key at K. */
  readonly prepare: () => void;
  /** Writes the tag of a message into it. */
  readonly write: (message: number, length: number, sequenceHigh: number, sequenceLow: number) => void;
  /** Returns 1 if a message has the right tag, and otherwise 0; overwrites it. */
  readonly check: (message: number, length: number, sequenceHigh: number, sequenceLow: number) => number;
  /** Adds a share to another one. */
  readonly add: (into: number, share: number, length: number) => void;
  /** Adds two shares to another one. */
  readonly addTwo: (into: number, share: number, share2: number, length: number) => void;
}

// One instance for all of a thread: nothing is awaited between writing its inputs and reading its results.
const compiled = new WebAssembly.Module(Uint8Array.fromBase64(DATAGRAMS_WASM));
const exports = new WebAssembly.Instance(compiled).exports as unknown as Module & { memory: WebAssembly.Memory };

/** The module's functions. */
export const module: Module = exports;

/** Its memory, which never grows. The system provides what has been written to. */
export const memory: Uint8Array<ArrayBuffer> = new Uint8Array(exports.memory.buffer as ArrayBuffer);
