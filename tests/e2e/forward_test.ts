import { testCore } from "./core.ts";
import { openForward, openForwardIpv6 } from "./paths.ts";

testCore("through --forward", [], openForward);
testCore("through --forward over IPv6", ["network namespaces"], openForwardIpv6);
