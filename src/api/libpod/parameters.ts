/** Reading the query of a request as Podman does: names in any case, each value checked by its type. Pure. */
import { CooperError } from "../../errors.ts";
import { flagSwitch, integer, type ValueType } from "../../option.ts";

/** The values of a query. One that is empty was not given. */
export class Parameters {
  private readonly values = new Map<string, string[]>();

  constructor(query: URLSearchParams) {
    for (const [name, value] of query) {
      const key = name.toLowerCase();
      this.values.set(key, [...(this.values.get(key) ?? []), value]);
    }
  }

  /** The value that was given last; empty: none. */
  text(name: string): string {
    return this.values.get(name.toLowerCase())?.at(-1) ?? "";
  }

  texts(name: string): string[] {
    return (this.values.get(name.toLowerCase()) ?? []).filter((text) => text !== "");
  }

  /** As the type of an option reads it; undefined: it was not given. */
  value<T>(name: string, type: ValueType<T>): T | undefined {
    const text = this.text(name);
    if (text === "") return undefined;
    try {
      return type.parse(text);
    } catch (cause) {
      if (cause instanceof CooperError || !(cause instanceof Error)) throw cause;
      throw new CooperError(
        "invalid-argument",
        `invalid value ${JSON.stringify(text)} for the parameter ${name}: ${cause.message}`,
        { cause },
      );
    }
  }

  flag(name: string, otherwise = false): boolean {
    return this.value(name, flagSwitch) ?? otherwise;
  }

  number(name: string): number | undefined {
    return this.value(name, integer);
  }

  /** JSON; undefined: it was not given, or is null. */
  json(name: string): unknown {
    const text = this.text(name);
    if (text === "") return undefined;
    try {
      return JSON.parse(text) ?? undefined;
    } catch (cause) {
      throw new CooperError("invalid-argument", `the parameter ${name} is not valid JSON`, {
        cause,
      });
    }
  }

  /** A JSON list of strings, or the texts themselves. */
  list(name: string): string[] {
    if (!this.text(name).startsWith("[")) return this.texts(name);
    const value = this.json(name);
    if (!Array.isArray(value) || !value.every((one) => typeof one === "string"))
      throw new CooperError("invalid-argument", `the parameter ${name} is no list of strings`);
    return value;
  }

  /** A JSON object of strings; what is null in it is left out. */
  pairs(name: string): Record<string, string> {
    const value = this.json(name) ?? {};
    const isPairs =
      typeof value === "object" &&
      !Array.isArray(value) &&
      Object.values(value).every((one) => one === null || typeof one === "string");
    if (!isPairs)
      throw new CooperError("invalid-argument", `the parameter ${name} is no map of strings`);
    return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
  }
}
