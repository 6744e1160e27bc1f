/** The container's /etc/passwd and /etc/group with entries for who runs in it (podman-run(1), `--passwd`). */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ResolvedUser } from "./identity.ts";
import type { ContainerRecord } from "./record.ts";
import type { ContainerSpec } from "./spec.ts";

/** The texts of both files; empty for one that is not there. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/**
 * Files to be bound over the image's, where entries are missing: for the container's user, since many
 * programs want to know who they are, and for users of the host that were asked for.
 */
export function accountFiles(
  host: Host,
  container: ContainerRecord,
  user: ResolvedUser,
  accounts: Accounts,
): { passwd?: string; group?: string } {
  const { spec, id } = container;
  const managesOwn = spec.managesPasswd && spec.rootfs === null;
  const added = [
    ...(managesOwn ? [ownEntries(spec, user, accounts)] : []),
    ...(spec.hostUsers.length > 0 ? [hostEntries(spec.hostUsers, accounts)] : []),
  ];
  const { files } = host.paths.container(id);
  const write = (name: keyof Accounts) => {
    const entries = added.flatMap((both) => both[name]);
    if (entries.length === 0) return {};
    const text = accounts[name];
    mkdirSync(files, { recursive: true, mode: 0o755 });
    const start = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    writeFileSync(join(files, name), `${start}${entries.join("\n")}\n`, { mode: 0o644 });
    return { [name]: join(files, name) };
  };
  return { ...write("passwd"), ...write("group") };
}

interface Entries {
  readonly passwd: readonly string[];
  readonly group: readonly string[];
}

/** Root is known to everybody. */
function ownEntries(spec: ContainerSpec, user: ResolvedUser, accounts: Accounts): Entries {
  const fill = (template: string) =>
    template
      .replaceAll("$USERNAME", user.name ?? `${user.uid}`)
      .replaceAll("$UID", `${user.uid}`)
      .replaceAll("$GID", `${user.gid}`)
      .replaceAll("$HOME", user.home)
      .replaceAll("$GROUPNAME", user.name ?? `${user.gid}`);
  const passwd = `$UID:*:$UID:$GID:container user:$HOME:/bin/sh`;
  const group = `$GID:x:$GID:$UID`;
  return {
    passwd:
      user.uid === 0 || hasNumber(accounts.passwd, user.uid)
        ? []
        : [fill(spec.passwdEntry ?? passwd)],
    group:
      user.gid === 0 || hasNumber(accounts.group, user.gid) ? [] : [fill(spec.groupEntry ?? group)],
  };
}

/** `--hostuser`: with the same number and home, without a password; one that is there already stays. */
function hostEntries(names: readonly string[], accounts: Accounts): Entries {
  const passwd: string[] = [];
  const group: string[] = [];
  const hostPasswd = linesOf(readFileSync("/etc/passwd", "utf8"));
  const hostGroup = linesOf(readFileSync("/etc/group", "utf8"));
  for (const name of new Set(names)) {
    const entry = hostPasswd.find((fields) => fields[0] === name || fields[2] === name);
    const [login = "", , uid = "", gid = "", comment = "", home = "/", shell = ""] = entry ?? [];
    if (entry === undefined) {
      throw new CooperError("invalid-argument", `--hostuser ${name}: this host has no such user`);
    }
    if (!hasName(accounts.passwd, login) && !hasNumber(accounts.passwd, Number(uid)))
      passwd.push([login, "*", uid, gid, comment, home, shell || "/bin/sh"].join(":"));
    const [groupName = login] = hostGroup.find((fields) => fields[2] === gid) ?? [];
    if (!hasName(accounts.group, groupName) && !hasNumber(accounts.group, Number(gid)))
      group.push([groupName, "x", gid, login].join(":"));
  }
  return { passwd, group: [...new Set(group)] };
}

const linesOf = (text: string) => text.split("\n").map((line) => line.split(":"));

const hasNumber = (text: string, number: number) =>
  linesOf(text).some((fields) => fields[2] === `${number}`);

const hasName = (text: string, name: string) => linesOf(text).some((fields) => fields[0] === name);
