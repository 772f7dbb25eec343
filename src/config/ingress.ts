import { type Address, DEFAULT_PORT } from "../net/address.ts";
import type { Problems } from "./problems.ts";
import type { Field } from "./schema.ts";
import { list, scalar, toggle } from "./shape.ts";
import { addressSyntax, pathSyntax } from "./syntax.ts";
import type { ClientConfig } from "./types.ts";

/** Settings of ingress other than forwards; see {@linkcode ClientConfig}. */
export const ingressSchema: {
  readonly redirects: Field<readonly Address[]>;
  readonly tproxies: Field<readonly Address[]>;
  readonly udpTproxies: Field<readonly Address[]>;
  readonly socks5: Field<readonly Address[]>;
  readonly socks5Users: Field<string>;
  readonly httpConnects: Field<readonly Address[]>;
  readonly httpConnectUsers: Field<string>;
  readonly sendSource: Field<boolean>;
} = {
  redirects: {
    key: "redirect",
    flag: "redirect",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    example: "[127.0.0.1:6522]",
    doc: "Address to listen at for connections redirected by iptables or nftables (REDIRECT); Linux",
  },
  tproxies: {
    key: "tproxy",
    flag: "tproxy",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    example: '["[::]:6522"]',
    doc: "Address to listen at for connections sent by TPROXY of iptables or nftables; Linux, needs CAP_NET_ADMIN",
  },
  udpTproxies: {
    key: "udp-tproxy",
    flag: "udp-tproxy",
    shape: list(addressSyntax({ defaultPort: DEFAULT_PORT, listen: true })),
    default: [],
    example: '["[::]:6522"]',
    doc:
      "Address to receive datagrams at that TPROXY of iptables or nftables hands over; Linux, needs CAP_NET_ADMIN, " +
      "and CAP_NET_BIND_SERVICE to answer from ports below 1024",
  },
  socks5: {
    key: "socks5",
    flag: "socks5",
    shape: list(addressSyntax({ listen: true })),
    default: [],
    example: "[127.0.0.1:1080]",
    doc: "Address to serve SOCKS5 at, for connections and UDP datagrams; server names work as host names",
  },
  socks5Users: {
    key: "socks5-users",
    flag: "socks5-users",
    shape: scalar(pathSyntax),
    example: "/etc/micss/users",
    doc: "SOCKS5 users: a private file of user:password lines; default: no authentication",
  },
  httpConnects: {
    key: "http-connect",
    flag: "http-connect",
    shape: list(addressSyntax({ listen: true })),
    default: [],
    example: "[127.0.0.1:3128]",
    doc: "Address to serve HTTP CONNECT at, like a web proxy; server names work as host names",
  },
  httpConnectUsers: {
    key: "http-connect-users",
    flag: "http-connect-users",
    shape: scalar(pathSyntax),
    example: "/etc/micss/users",
    doc: "HTTP CONNECT users: a private file of user:password lines; default: no authentication",
  },
  sendSource: {
    key: "send-source",
    flag: "send-source",
    shape: toggle,
    default: false,
    doc: "Send applications' source addresses to server handlers, for PROXY headers",
  },
};

/** Reports each file of users without the ingress that would use it. */
export function checkUsers(config: ClientConfig, problems: Problems): void {
  const { socks5, socks5Users, httpConnects, httpConnectUsers } = config;
  if (socks5Users !== undefined && socks5.length === 0) {
    problems.atSetting(config, "socks5Users", "without socks5; give socks5 HOST:PORT");
  }
  if (httpConnectUsers !== undefined && httpConnects.length === 0) {
    problems.atSetting(
      config,
      "httpConnectUsers",
      "without http-connect; give http-connect HOST:PORT",
    );
  }
}
