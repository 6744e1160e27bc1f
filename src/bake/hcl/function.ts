/** What a function of HCL is. */
import type { Value } from "./syntax.ts";

/** @throws Error that says what is wrong with the arguments */
export type HclFunction = (args: readonly Value[]) => Value;

/** Takes so many arguments, neither more nor less. */
export function counted(count: number, act: (...args: Value[]) => Value): HclFunction {
  return (args) => {
    if (args.length !== count)
      throw new Error(`it takes ${count} argument${count === 1 ? "" : "s"}, not ${args.length}`);
    return act(...args);
  };
}
