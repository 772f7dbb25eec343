import type { ClientConfig } from "../../config/types.ts";
import type { Address } from "../../net/address.ts";
import type { Connection } from "../../net/connection.ts";
import type { IngressProtocol } from "./arrival.ts";
import { HttpConnectIngress } from "./http_connect.ts";
import { Socks5Ingress } from "./socks5.ts";
import { ForwardIngress, RedirectIngress, TproxyIngress } from "./implicit_destination.ts";
import type { Users } from "./users.ts";

/** Users by protocol; without an entry, the protocol requires no authentication. */
export interface IngressUsers {
  /** Users of all SOCKS5 listeners. */
  readonly socks5?: Users;
  /** Users of all HTTP CONNECT listeners. */
  readonly httpConnect?: Users;
}

/** Makes the ingress protocols of a configuration. @param originalDestination As for {@linkcode RedirectIngress}. */
export function makeProtocols(
  { forwards, redirects, tproxies, socks5, httpConnects }: ClientConfig,
  users: IngressUsers,
  originalDestination: (connection: Connection) => Address | undefined,
): IngressProtocol[] {
  return [
    ...forwards.map((forward) => new ForwardIngress(forward)),
    ...redirects.map((listen) => new RedirectIngress(listen, originalDestination)),
    ...tproxies.map((listen) => new TproxyIngress(listen)),
    ...socks5.map((listen) => new Socks5Ingress(listen, users.socks5)),
    ...httpConnects.map((listen) => new HttpConnectIngress(listen, users.httpConnect)),
  ];
}
