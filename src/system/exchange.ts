/** Two names that change places at once. */
import { check, cString, libc } from "./libc.ts";

/** renameat2(2), RENAME_EXCHANGE: nobody ever finds one of the two missing. Both must be there. */
export function exchangeNames(one: string, other: string): void {
  const { renameat2 } = libc({
    renameat2: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
  });
  const [here, exchange] = [-100, 2];
  check(renameat2(here, cString(one), here, cString(other), exchange), `exchange ${one}`);
}
