/** Options of `run` and `create` about the command itself, not about the container. */
import { flagSwitch, integer, listOf, path, string } from "../../option.ts";

/** What both have. */
export const createCommandOptions = {
  cidfile: {
    flag: "--cidfile",
    type: { ...path, placeholder: "FILE" },
    help: "Write the container's id to a file",
  },
  quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "No progress of a pull" },
  replace: { flag: "--replace", type: flagSwitch, help: "Remove a container of that name first" },
} as const;

/** What `run` has besides. */
export const runCommandOptions = {
  ...createCommandOptions,
  detach: {
    flag: "--detach",
    short: "-d",
    type: flagSwitch,
    help: "Leave it running in the background and print its id",
  },
  detachKeys: {
    flag: "--detach-keys",
    type: { ...string, placeholder: "KEYS" },
    help: "Keys that detach",
    defaultText: "ctrl-p,ctrl-q",
  },
  sigProxy: {
    flag: "--sig-proxy",
    type: flagSwitch,
    help: "Pass signals on to its process",
    defaultText: "true",
  },
  preserveFd: {
    flag: "--preserve-fd",
    type: listOf({ ...string, parse: (text: string) => text.split(",") }),
    help: "Descriptors to hand on: N,N",
  },
  preserveFds: {
    flag: "--preserve-fds",
    type: { ...integer, placeholder: "N" },
    help: "Hand on N descriptors, from 3 on",
  },
  rmi: {
    flag: "--rmi",
    type: flagSwitch,
    help: "Remove it when it ends, and its image unless others use it",
  },
} as const;
