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
 * user's own one holds, and the groups that list the user as a member; with a group only that one. An
 * empty text is root.
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
  const entry = findUser(userText, parsePasswd(passwdText));
  const gid =
    groupPart === "" ? entry.gid : findGroup(groupPart, known, `user ${JSON.stringify(text)}`);
  const memberships =
    groupPart === "" && entry.name !== null
      ? known.filter(({ members }) => members.includes(entry.name ?? "")).map((group) => group.gid)
      : [];
  // keep-groups is the runtime's business: it then leaves the groups of its caller as they are
  const asked = groups
    .filter((group) => group !== "keep-groups")
    .map((group) => findGroup(group, known, "--group-add"));
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

function findUser(userText: string, passwd: readonly PasswdEntry[]): FoundUser {
  // digits are always a number: an image that names its root "1000" must not make that of `--user 1000`
  if (/^[+-]?\d+$/.test(userText) || userText === "") {
    const uid = userText === "" ? 0 : numericId(userText, "user");
    return passwd.find((entry) => entry.uid === uid) ?? { uid, gid: 0, name: null, home: "/" };
  }
  const entry = passwd.find(({ name }) => name === userText);
  if (entry !== undefined) return entry;
  // an image without a passwd file has a root all the same
  if (userText === "root") return { uid: 0, gid: 0, name: null, home: "/" };
  throw new CooperError(
    "invalid-argument",
    `no user ${JSON.stringify(userText)} in the container's /etc/passwd`,
    {
      hint: "name one that is there, or a number",
    },
  );
}

function findGroup(text: string, groups: readonly GroupEntry[], what: string): number {
  if (/^[+-]?\d+$/.test(text)) return numericId(text, `${what}: group`);
  const entry = groups.find(({ name }) => name === text);
  if (entry !== undefined) return entry.gid;
  if (text === "root") return 0;
  throw new CooperError(
    "invalid-argument",
    `${what}: no group ${JSON.stringify(text)} in the container's /etc/group`,
    {
      hint: "name one that is there, or a number",
    },
  );
}

function numericId(text: string, what: string): number {
  const id = parseId(text);
  if (id !== undefined) return id;
  throw new CooperError("invalid-argument", `${what} id ${text} is out of range (0 to ${maxId})`);
}

function invalidUser(text: string): CooperError {
  return new CooperError(
    "invalid-argument",
    `invalid user ${JSON.stringify(text)}: must be USER[:GROUP]`,
  );
}
