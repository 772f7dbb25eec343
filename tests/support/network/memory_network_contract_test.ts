import { testNetwork } from "../../net/network_contract.ts";
import { MemoryNetwork } from "./memory_network.ts";

testNetwork("the memory network", () => new MemoryNetwork(), ["192.0.2.1", "2001:db8::1"]);
