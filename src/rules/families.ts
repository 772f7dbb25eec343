import { OwnedSocket } from "../net/linux/owned_socket.ts";
import { FAMILIES, type Family } from "./ruleset.ts";

/** The versions of IP that the kernel has. One that can't be asked counts as there: its rules must not be forgotten. */
export function systemFamilies(): Family[] {
  return FAMILIES.filter((family) => {
    try {
      new OwnedSocket(family)[Symbol.dispose]();
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.AddrNotAvailable);
    }
  });
}
