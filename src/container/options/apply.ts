/** Writing into a spec by an option's flag, for doors that have no command line. */
import { CooperError } from "../../errors.ts";
import { parseValue } from "../../option.ts";
import type { ContainerSpec } from "../spec.ts";
import { createOptions } from "./table.ts";

const byFlag = new Map(createOptions.map((option) => [option.flag as string, option]));

/**
 * As if `flag` stood on a command line.
 *
 * @param asked what the caller's language calls it, for messages
 */
export function applyOption(spec: ContainerSpec, flag: string, text: string, asked: string): void {
  const option = byFlag.get(flag);
  if (option === undefined) throw new CooperError("internal", `bug in Cooper: no option ${flag}`);
  if (option.refuse !== undefined)
    throw new CooperError("not-supported", `${asked} is not supported: ${option.refuse}`);
  const value = parseValue(option, text, asked);
  try {
    option.apply?.(spec, value);
  } catch (cause) {
    if (cause instanceof CooperError || !(cause instanceof Error)) throw cause;
    throw new CooperError(
      "invalid-argument",
      `invalid value "${text}" for ${asked}: ${cause.message}`,
      {
        cause,
      },
    );
  }
}
