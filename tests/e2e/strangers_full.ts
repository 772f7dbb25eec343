/** The task `strangers`. */
import { testStrangers } from "./strangers.ts";

testStrangers(5000);
