import { testCore } from "./core.ts";
import { shared } from "../support/programs/programs.ts";
import { openForward, openForwardIpv6 } from "./paths.ts";

testCore("through --forward", [], shared(openForward));
testCore("through --forward over IPv6", ["network namespaces"], shared(openForwardIpv6), 20);
