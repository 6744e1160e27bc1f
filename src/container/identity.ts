/** Who a container's process runs as: passwd(5) and group(5) of its image, and what `--user` names. */
import { CooperError } from "../errors.ts";

/** An id that has been looked up. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Besides `gid`; ascending, without doubles. */
  readonly additionalGids: readonly number[];
  /** null: /etc/passwd has no entry for the uid. */
  readonly name: string | null;
  /** `/` where nothing says otherwise. */
  readonly home: string;
}

/** A line of passwd(5). */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A line of group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The kernel takes (uid_t)-1 for "no change" (setresuid(2)), and larger numbers wrap around to root. */
const maxId = 0xffff_fffe;

/** An id as text that stands for one: digits alone, in range; undefined for all else. */
export function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

/** Lines that are no entries are passed over, as getpwent(3) does. */
export function parsePasswd(text: string): PasswdEntry[] {
  return entriesOf(text).flatMap(([name = "", , uidText = "", gidText = "", , home = ""]) => {
    const uid = parseId(uidText);
    const gid = parseId(gidText);
    return name === "" || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home }];
  });
}

/** As parsePasswd(). */
export function parseGroup(text: string): GroupEntry[] {
  return entriesOf(text).flatMap(([name = "", , gidText = "", members = ""]) => {
    const gid = parseId(gidText);
    if (name === "" || gid === undefined) return [];
    return [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

function entriesOf(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/\r$/, "").split(":"));
}

/**
 * Resolves `USER[:GROUP]`, each a name or a number, against the container's own files. A name must be
 * there; a number need not be (its group is then 0, as Docker and Podman have it). Without a group the
 * user's own one holds, and the groups that list the user as a member; with a group only that one.
 *
 * @param groups those of `--group-add`, besides
 * @throws CooperError invalid-argument
 */
export function resolveUser(
  text: string,
  passwdText: string,
  groupText: string,
  groups: readonly string[] = [],
): ResolvedUser {
  const colon = text.indexOf(":");
  const userText = colon < 0 ? text : text.slice(0, colon);
  const groupPart = colon < 0 ? "" : text.slice(colon + 1);
  if (/[\0\n]/.test(text) || groupPart.includes(":")) throw invalidUser(text);
  const known = parseGroup(groupText);
  const entry = findUser(text, userText, parsePasswd(passwdText));
  const gid = groupPart === "" ? entry.gid : findGroup(groupPart, known, `user ${JSON.stringify(text)}`);
  const memberships =
    groupPart === "" && entry.name !== null
      ? known.filter(({ members }) => members.includes(entry.name ?? "")).map((group) => group.gid)
      : [];
  const asked = groups.map((group) => findGroup(group, known, `--group-add ${group}`));
  const additional = new Set([...memberships, ...asked]);
  additional.delete(gid);
  return {
    uid: entry.uid,
    gid,
    additionalGids: [...additional].sort((a, b) => a - b),
    name: entry.name,
    home: entry.home.startsWith("/") ? entry.home : "/",
  };
}

interface FoundUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string | null;
  readonly home: string;
}

function findUser(text: string, userText: string, passwd: readonly PasswdEntry[]): FoundUser {
  // a name of digits alone can be meant: passwd(5) goes before numbers
  const byName = userText === "" ? undefined : passwd.find(({ name }) => name === userText);
  if (byName !== undefined) return byName;
  const uid = userText === "" ? 0 : parseId(userText);
  if (uid === undefined) {
    if (/^[+-]?\d+$/.test(userText)) {
      throw new CooperError("invalid-argument", `user id ${userText} is out of range (0 to ${maxId})`);
    }
    throw new CooperError("invalid-argument", `no user ${JSON.stringify(userText)} in the container's /etc/passwd`, {
      hint: "name one that is there, or a number",
    });
  }
  const byId = passwd.find((entry) => entry.uid === uid);
  if (byId !== undefined) return byId;
  return { uid, gid: 0, name: uid === 0 ? "root" : null, home: uid === 0 ? "/root" : "/" };
}

function findGroup(text: string, groups: readonly GroupEntry[], what: string): number {
  const byName = groups.find(({ name }) => name === text);
  if (byName !== undefined) return byName.gid;
  const gid = parseId(text);
  if (gid !== undefined) return gid;
  if (/^[+-]?\d+$/.test(text)) {
    throw new CooperError("invalid-argument", `${what}: group id ${text} is out of range (0 to ${maxId})`);
  }
  throw new CooperError("invalid-argument", `${what}: no group ${JSON.stringify(text)} in the container's /etc/group`, {
    hint: "name one that is there, or a number",
  });
}

function invalidUser(text: string): CooperError {
  return new CooperError("invalid-argument", `invalid user ${JSON.stringify(text)}: must be USER[:GROUP]`);
}
