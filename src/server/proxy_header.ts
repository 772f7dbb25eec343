/** An end of a TCP connection: an address of 4 or 16 bytes in network order, and a port. */
export interface ProxyEnd {
  /** The address. */
  readonly address: Uint8Array;
  /** The port. */
  readonly port: number;
}

/** CR LF CR LF NUL CR LF "QUIT" LF: no other protocol begins with these bytes. */
const SIGNATURE = Uint8Array.fromHex("0d0a0d0a000d0a515549540a");
const VERSION_2 = 0x20;
const LOCAL = 0x0, PROXY = 0x1;
const UNSPECIFIED = 0x00, TCP_OVER_IPV4 = 0x11, TCP_OVER_IPV6 = 0x21;

/**
 * Encodes a PROXY protocol header, version 2, which tells a target the application's address in the first bytes of a
 * connection (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2).
 *
 * @param source The application's address. Null if unknown: the target then considers the connection the server handler's
 * own (LOCAL).
 * @param destinations Addresses to which it may have connected; the header has the first of the source's family. Otherwise
 * it has the unspecified address and the first one's port.
 */
export function proxyHeader(source: ProxyEnd | null, destinations: readonly ProxyEnd[]): Uint8Array<ArrayBuffer> {
  if (source === null) return header(LOCAL, UNSPECIFIED, []);
  const { length } = source.address;
  const destination = destinations.find(({ address }) => address.length === length) ??
    { address: new Uint8Array(length), port: destinations[0]?.port ?? 0 };
  const addresses = [...source.address, ...destination.address, ...u16(source.port), ...u16(destination.port)];
  return header(PROXY, length === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, addresses);
}

function header(command: number, family: number, addresses: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...SIGNATURE, VERSION_2 | command, family, ...u16(addresses.length), ...addresses]);
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 255];
}
