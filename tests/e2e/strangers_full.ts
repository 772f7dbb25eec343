/** What the task `strangers` runs. */
import { testStrangers } from "./strangers.ts";

testStrangers(5000);
