import { isIp, sameHost } from "../../net/ip.ts";

/** Path of the request that makes a handler that is ending give up its admin address. */
export const RELEASE = "/release";

/** Maximum length of path and query, in characters. */
const MAX_PATH = 1024;

/**
 * Checks a request before it is answered.
 *
 * Another site's page can point its own name at this address (DNS rebinding), and to a browser would then be of the same
 * origin. Over TCP, therefore, the Host header must be an IP address, localhost, or the configured host.
 *
 * @param own The configured host; null for a UNIX socket, which no browser reaches.
 * @returns The answer that refuses the request; null if it is acceptable.
 */
export function refuse(request: Request, own: string | null): Response | null {
  if (own !== null && !isOwnHost(request.headers.get("host") ?? "", own)) {
    return text(421, "the Host header is not an address of this handler");
  }
  // Only after the check of the Host header, which is part of the URL.
  const url = new URL(request.url);
  const method = url.pathname === RELEASE ? "POST" : "GET";
  if (request.method !== method) return text(405, `only ${method} is allowed here`, { allow: method });
  if (url.pathname.length + url.search.length > MAX_PATH) return text(414, "the path is too long");
  const { headers } = request;
  if (headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) !== 0) {
    return text(413, "requests must not have content", { connection: "close" });
  }
  return null;
}

/** An answer of one line of text. */
export function text(status: number, line: string, headers: Record<string, string> = {}): Response {
  return new Response(`${line}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
}

function isOwnHost(header: string, own: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header.toLowerCase());
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && (isIp(host) || sameHost(host, "localhost") || sameHost(host, own));
}
