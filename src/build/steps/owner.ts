/** `--chown`, and whom a WORKDIR belongs to: names are looked up in the tree that is written to. */

import { parseGroup, parseId, parsePasswd } from "../../container/identity.ts";
import { CooperError } from "../../errors.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Texts of a tree's passwd(5) and group(5); null where names cannot be looked up (--link). */
export interface AccountTexts {
  readonly passwd: string;
  readonly group: string;
}

/** `user`, `user:group`, in names or numbers. A number alone is both; a name has its own group. */
export function ownerOf(text: string, accounts: AccountTexts | null): Owner {
  const [user = "", group] = text.split(":", 2);
  const byUser = user === "" ? { uid: 0, gid: 0 } : userOf(user, accounts);
  return { uid: byUser.uid, gid: group === undefined ? byUser.gid : groupOf(group, accounts) };
}

function userOf(text: string, accounts: AccountTexts | null): Owner {
  const id = parseId(text);
  if (id !== undefined) return { uid: id, gid: id };
  const entry = parsePasswd(accounts?.passwd ?? "").find(({ name }) => name === text);
  if (entry === undefined) throw unknown("user", text, accounts);
  return { uid: entry.uid, gid: entry.gid };
}

function groupOf(text: string, accounts: AccountTexts | null): number {
  if (text === "") return 0;
  const id = parseId(text);
  if (id !== undefined) return id;
  const entry = parseGroup(accounts?.group ?? "").find(({ name }) => name === text);
  if (entry === undefined) throw unknown("group", text, accounts);
  return entry.gid;
}

function unknown(what: string, name: string, accounts: AccountTexts | null): CooperError {
  return accounts === null
    ? new CooperError(
        "invalid-argument",
        `cannot look up the ${what} ${name}: a linked copy stands on no files`,
        { hint: "name it by its number, or leave --link out" },
      )
    : new CooperError("invalid-argument", `there is no ${what} ${name} in the image`);
}
