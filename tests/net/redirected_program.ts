/**
 * Runs in a network namespace for linux_test.ts: connects to each given address, and prints the original destination of
 * each accepted connection on a line of its own.
 *
 * Arguments: for each case, the address to listen at and the addresses to connect to, in JSON.
 */
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { originalDestination, systemNetwork } from "../../src/net/system/tcp.ts";

for (const text of Deno.args) {
  const [at, ...destinations] = (JSON.parse(text) as string[]).map((address) => parseAddress(address));
  const listener = systemNetwork.listen(at!);
  for (const destination of destinations) {
    const [client, server] = await Promise.all([systemNetwork.connect(destination), listener.accept()]);
    try {
      console.log(formatAddress(originalDestination(server!)!));
    } catch (error) {
      console.log(String(error));
    }
    client.close();
    server!.close();
  }
  listener.close();
}
