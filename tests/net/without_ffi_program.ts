/** Runs for linux_test.ts without permission for FFI, and prints the behaviour of all that uses it as JSON. */
import { fileLimit } from "../../src/net/linux/descriptors.ts";
import { hasNativeHelper } from "../../src/net/linux/libc.ts";
import { originalDestination, systemNetwork } from "../../src/net/system/tcp.ts";

const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
const [client, server] = await Promise.all([systemNetwork.connect(listener.address), listener.accept()]);
listener.close();
let destination = "";
try {
  originalDestination(server!);
} catch (error) {
  destination = String(error);
}
client.reset();
const afterReset = await server!.read(new Uint8Array(1));
server!.close();
console.log(JSON.stringify({ helper: hasNativeHelper(), limit: fileLimit(), destination, afterReset }));
