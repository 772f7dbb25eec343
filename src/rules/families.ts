import { OwnedSocket } from "../net/linux/owned_socket.ts";
import { FAMILIES, type Family } from "./ruleset.ts";

/** The versions of IP that the kernel supports. In doubt a version is included, so that its rules are not left out. */
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
