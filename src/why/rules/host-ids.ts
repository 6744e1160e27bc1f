/** What an ordinary user needs before anything else: namespaces and ids. */
import type { HostCheck, HostFacts, SysctlName } from "../host-facts.ts";
import { shellWords } from "../words.ts";
import { check, install, ok } from "./host-rule.ts";

/** What forbids user namespaces, and how that is lifted. */
const namespaceSysctls: readonly (readonly [
  name: SysctlName,
  forbidding: number,
  allowing: number,
])[] = [
  ["kernel.unprivileged_userns_clone", 0, 1],
  ["user.max_user_namespaces", 0, 15000],
  ["kernel.apparmor_restrict_unprivileged_userns", 1, 0],
];

/** Whether the user may make user namespaces. */
export function userNamespaces({ isRootless, sysctls, tried }: HostFacts): HostCheck | null {
  if (!isRootless) return null;
  const failure = tried?.namespace ?? null;
  for (const [name, forbidding, allowing] of namespaceSysctls) {
    if (sysctls[name] !== forbidding) continue;
    // AppArmor's may have a profile that allows it: what was tried counts
    if (tried !== null && failure === null) break;
    return check(
      "user-namespaces",
      "hinders",
      `${name} is ${forbidding}: ordinary users may not make user namespaces`,
      [
        `sudo sysctl ${name}=${allowing}`,
        `echo ${name}=${allowing} | sudo tee /etc/sysctl.d/90-cooper.conf`,
      ],
    );
  }
  if (failure !== null)
    return check(
      "user-namespaces",
      "hinders",
      failure,
      [],
      "within a container, that must allow it: --security-opt seccomp=unconfined",
    );
  return ok("user-namespaces", "ordinary users may make them");
}

/** Whether the user has ids besides the own one. */
export function subordinateIds({
  isRootless,
  user,
  subordinateUids,
  subordinateGids,
}: HostFacts): HostCheck | null {
  if (!isRootless) return null;
  const fewest = Math.min(subordinateUids, subordinateGids);
  if (fewest >= 65536) return ok("subordinate-ids", `${subordinateUids} for ${user}`);
  const name = shellWords([user]);
  const cure = `sudo usermod --add-subuids 200000-265535 --add-subgids 200000-265535 ${name}`;
  return fewest === 0
    ? check(
        "subordinate-ids",
        "limits",
        `${user} has none in /etc/subuid and /etc/subgid: all files in containers belong to one id`,
        [cure],
        "then end what runs: cooper stop --all, and log in anew",
      )
    : check(
        "subordinate-ids",
        "limits",
        `${user} has ${fewest}: images with higher ids cannot be unpacked`,
        [cure],
        null,
      );
}

/** Whether these can be mapped. */
export function idMappers({ isRootless, programs, powerless }: HostFacts): HostCheck | null {
  if (!isRootless) return null;
  if (programs.newuidmap === null || programs.newgidmap === null)
    return check(
      "id-mappers",
      "limits",
      "newuidmap and newgidmap are not installed: subordinate ids cannot be used",
      [install("uidmap")],
    );
  if (powerless.length > 0)
    return check(
      "id-mappers",
      "limits",
      `${powerless.join(" and ")} may not map ids: neither setuid nor with a capability`,
      [shellWords(["sudo", "chmod", "u+s", ...powerless])],
    );
  return ok("id-mappers", "newuidmap, newgidmap");
}
