import { run } from "../programs/process.ts";
import { Namespace } from "./namespaces.ts";

/**
 * Creates a host that reaches everything by way of a gateway:
 *
 * ```text
 *  host                                gateway
 *  10.78.0.2, fd78::2  h0 ======== g0  10.78.0.1, fd78::1
 * ```
 */
export async function makeHostBehind(gateway: Namespace): Promise<Namespace> {
  await using making = new AsyncDisposableStack();
  const host = making.use(await Namespace.make());
  const link = `link add h0 index 50 netns ${host.pid} type veth peer name g0 index 51 netns ${gateway.pid}`;
  await run(["ip", "-batch", "-"], { input: `${link}\n` });
  await gateway.ip("address add 10.78.0.1/24 dev g0", "address add fd78::1/64 dev g0 nodad", "link set g0 up");
  await host.ip(
    ...["address add 10.78.0.2/24 dev h0", "address add fd78::2/64 dev h0 nodad", "link set h0 up"],
    ...["route add default via 10.78.0.1", "route add default via fd78::1"],
  );
  making.move();
  return host;
}
