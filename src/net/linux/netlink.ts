import { type Libc } from "./libc.ts";
import { SOCKADDR_SIZE } from "./sockaddr.ts";

/** Netlink (netlink(7)): AF_NETLINK, SOCK_RAW with SOCK_NONBLOCK and SOCK_CLOEXEC, and a socket option. */
const AF_NETLINK = 16, RAW = 3 | 0o4000 | 0o2000000;
const SOL_NETLINK = 270, NETLINK_GET_STRICT_CHK = 12;

/** Flags and types of messages. */
const NLM_F_REQUEST = 1, NLM_F_DUMP = 0x300, NLMSG_DONE = 3;

/** Type of a message that has an error's number. */
export const NLMSG_ERROR = 2;

/** Size of a message's header. */
const HEADER = 16;

/** Size of the kernel's answers to a dump, at most. */
const BUFFER = 32_768;

/** A message of the kernel. */
export interface NetlinkMessage {
  /** Its type. */
  readonly type: number;
  /** Its content. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A question for the kernel. */
export interface NetlinkRequest {
  /** Type of the message. */
  readonly type: number;
  /** Content before the attributes. */
  readonly header: Uint8Array;
  /** Attributes, by number. */
  readonly attributes?: readonly (readonly [number, Uint8Array])[];
  /** Asks for all objects, those that header and attributes select. Default: false. */
  readonly dump?: boolean;
}

/**
 * Asks the kernel, which answers before a call returns. Needs no capability.
 *
 * @returns Its messages; undefined if the system refuses.
 */
export function askKernel(c: Libc, request: NetlinkRequest): NetlinkMessage[] | undefined {
  const fd = c.socket(AF_NETLINK, RAW, 0);
  if (fd < 0) return undefined;
  try {
    if (request.dump) {
      // Without it, a kernel before 4.20 would not select and send everything.
      const one = new Int32Array([1]);
      if (c.setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, one, 4) !== 0) return undefined;
    }
    const kernel = new Uint8Array(SOCKADDR_SIZE), bytes = encode(request);
    kernel[0] = AF_NETLINK;
    if (BigInt(c.sendto(fd, bytes, BigInt(bytes.length), 0, kernel, 12)) < 0n) return undefined;
    const messages: NetlinkMessage[] = [], buffer = new Uint8Array(BUFFER);
    for (;;) {
      const length = Number(c.recv(fd, buffer, BigInt(buffer.length), 0));
      if (length < HEADER) return messages.length > 0 ? messages : undefined;
      for (const message of messagesIn(buffer.slice(0, length))) {
        if (message.type === NLMSG_DONE) return messages;
        messages.push(message);
        if (message.type === NLMSG_ERROR) return messages;
      }
      if (!request.dump) return messages;
    }
  } finally {
    c.close(fd);
  }
}

/** The attributes of a message's content, by number, from `offset` on. */
export function attributesIn(body: Uint8Array<ArrayBuffer>, offset: number): Map<number, Uint8Array<ArrayBuffer>> {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const attributes = new Map<number, Uint8Array<ArrayBuffer>>();
  for (let at = offset; at + 4 <= body.length;) {
    const size = view.getUint16(at, true);
    if (size < 4 || at + size > body.length) break;
    attributes.set(view.getUint16(at + 2, true), body.subarray(at + 4, at + size));
    at += aligned(size);
  }
  return attributes;
}

/** The number of an attribute of four bytes; undefined if it is absent. */
export function numberIn(attribute: Uint8Array<ArrayBuffer> | undefined): number | undefined {
  if (attribute === undefined || attribute.length < 4) return undefined;
  return new DataView(attribute.buffer, attribute.byteOffset).getUint32(0, true);
}

function* messagesIn(bytes: Uint8Array<ArrayBuffer>): Generator<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER <= bytes.length;) {
    const size = view.getUint32(at, true);
    if (size < HEADER || at + size > bytes.length) return;
    yield { type: view.getUint16(at + 4, true), body: bytes.subarray(at + HEADER, at + size) };
    at += aligned(size);
  }
}

function encode({ type, header, attributes = [], dump = false }: NetlinkRequest): Uint8Array<ArrayBuffer> {
  const start = HEADER + header.length;
  const size = attributes.reduce((sum, [, value]) => sum + aligned(4 + value.length), start);
  const message = new Uint8Array(size), view = new DataView(message.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0), true);
  message.set(header, HEADER);
  let at = start;
  for (const [number, value] of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, number, true);
    message.set(value, at + 4);
    at += aligned(4 + value.length);
  }
  return message;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
