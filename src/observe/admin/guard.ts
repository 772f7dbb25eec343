import { isIp, sameHost } from "../../net/ip.ts";

/** Where a handler that is ending is asked to let another one have its address. */
export const RELEASE = "/release";

/** The longest path and query, in characters; ours are shorter than that. */
const LONGEST_PATH = 1024;

/**
 * Why a request is not answered; null when it is to be.
 *
 * A page that a browser has loaded from elsewhere can have its own name lead here (DNS rebinding), and would then count as
 * ours: so over TCP only requests to an address, to localhost, or to the name that the handler was told to listen at, are
 * taken.
 *
 * @param own The host that the handler was told to listen at; null for a UNIX socket, which no browser reaches.
 */
export function refuse(request: Request, own: string | null): Response | null {
  if (own !== null && !isWelcome(request.headers.get("host") ?? "", own)) {
    return text(421, "the Host header names no address of this handler");
  }
  // Not before the Host header is known to be one: it is part of the URL.
  const url = new URL(request.url);
  const method = url.pathname === RELEASE ? "POST" : "GET";
  if (request.method !== method) return text(405, `only ${method} is answered here`, { allow: method });
  if (url.pathname.length + url.search.length > LONGEST_PATH) return text(414, "the path is too long");
  const { headers } = request;
  if (headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) !== 0) {
    return text(413, "no content is taken", { connection: "close" });
  }
  return null;
}

/** An answer in one line. */
export function text(status: number, line: string, headers: Record<string, string> = {}): Response {
  return new Response(`${line}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
}

function isWelcome(header: string, own: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header.toLowerCase());
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && (isIp(host) || sameHost(host, "localhost") || sameHost(host, own));
}
