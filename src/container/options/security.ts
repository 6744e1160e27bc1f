/** Capabilities and the `--security-opt` family. */
import { resolve } from "node:path";
import { flagSwitch, listOf, oneOf, string } from "../../option.ts";
import type { ContainerSpec } from "../spec.ts";
import { option, type SpecOption } from "./declare.ts";

const capability = {
  ...string,
  placeholder: "CAPABILITY",
  parse(text: string): string[] {
    return text.split(",").map((name) => {
      if (!/^[A-Za-z_]+$/.test(name)) throw new Error(`"${name}" is no name of a capability`);
      const upper = name.toUpperCase();
      return upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    });
  },
};

/** One `--security-opt`: `NAME=VALUE`, with `:` between them also taken, as Docker once had it. */
export function applySecurityOption(spec: ContainerSpec, text: string): void {
  const separator = /^[a-z-]+([=:])/.exec(text)?.[1] ?? "=";
  const at = text.indexOf(separator);
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? "" : text.slice(at + 1);
  switch (name) {
    case "no-new-privileges":
      spec.noNewPrivileges = value === "" || flagSwitch.parse(value);
      return;
    case "seccomp":
      if (value === "") throw new Error("seccomp needs a profile, or unconfined");
      spec.seccomp = value === "unconfined" || value === "default" ? value : resolve(value);
      return;
    case "apparmor":
      spec.apparmor = value;
      return;
    case "label":
      spec.labelOptions.push(value);
      return;
    case "mask":
      spec.mask.push(...value.split(":"));
      return;
    case "unmask":
      spec.unmask.push(...value.split(":"));
      return;
    case "proc-opts":
      spec.procOptions.push(...value.split(","));
      return;
    case "systempaths":
      if (value !== "unconfined") throw new Error("systempaths is unconfined or left out");
      spec.unmask.push("ALL");
      return;
    default:
      throw new Error(
        `unknown option "${name}" (no-new-privileges, seccomp, apparmor, label, mask, unmask, proc-opts, systempaths)`,
      );
  }
}

export const securityOptions: readonly SpecOption[] = [
  option(
    "--cap-add",
    listOf(capability),
    "Add a capability, or ALL",
    (spec, names) => {
      spec.capAdd.push(...names);
    },
    { api: "HostConfig.CapAdd", compose: "cap_add", quadlet: "AddCapability" },
  ),
  option(
    "--cap-drop",
    listOf(capability),
    "Take a capability away, or ALL",
    (spec, names) => {
      spec.capDrop.push(...names);
    },
    { api: "HostConfig.CapDrop", compose: "cap_drop", quadlet: "DropCapability" },
  ),
  option(
    "--security-opt",
    listOf({ ...string, placeholder: "OPTION" }),
    "no-new-privileges, seccomp=FILE, apparmor=, label=, mask=, unmask=, proc-opts=",
    applySecurityOption,
    {
      api: "HostConfig.SecurityOpt",
      compose: "security_opt",
    },
  ),
  option(
    "--seccomp-policy",
    oneOf("default", "image"),
    "Where the seccomp profile comes from",
    (spec, policy) => {
      spec.seccompPolicy = policy;
    },
  ),
];
