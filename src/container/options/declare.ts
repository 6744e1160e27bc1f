/** Shorthands for the tables of this room: an option that writes into a ContainerSpec. */
import type { Option, ValueType } from "../../option.ts";
import type { ContainerSpec } from "../spec.ts";

export type SpecOption = Option<unknown, ContainerSpec>;

/** Declares an option; `more` holds what only few have: short form, aliases, default, why it is refused. */
export function option<T>(
  flag: `--${string}`,
  type: ValueType<T>,
  help: string,
  apply: (spec: ContainerSpec, value: T) => void,
  more: Partial<Option<T, ContainerSpec>> = {},
): SpecOption {
  return { flag, type, help, apply, ...more } as SpecOption;
}

/** An option that the peers have and that is refused in words. */
export function refused(
  flag: `--${string}`,
  type: ValueType<unknown>,
  help: string,
  refuse: string,
  more: Partial<SpecOption> = {},
): SpecOption {
  return { flag, type, help, refuse, ...more };
}

/** `KEY=VALUE`; throws with what is wrong. */
export function splitPair(text: string, separator = "="): [string, string] {
  const at = text.indexOf(separator);
  if (at <= 0) throw new Error(`must be KEY${separator}VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** An absolute path in the container, without `.`, `..` and doubled slashes. */
export function containerPath(text: string): string {
  if (!text.startsWith("/") || text.includes("\0"))
    throw new Error(`"${text}" is not an absolute path`);
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
