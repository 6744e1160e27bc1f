/** Reading the JSON of a request: bounded, and field by field, as Go's decoder takes it. Pure. */
import { CooperError } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import type { Body } from "./http/body.ts";

const bodyLimit = 4 << 20;

/** A JSON object of a request. A missing field and null are the same. */
export class Document {
  /** Where it stands in the body: `HostConfig`. Empty at the top. */
  private readonly place: string;
  private readonly fields: ReadonlyMap<string, unknown>;

  constructor(value: unknown, place = "") {
    if (!isObject(value)) throw wrong(place === "" ? "the body" : place, "an object");
    this.place = place;
    // Go's decoder takes any case
    this.fields = new Map(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
  }

  private at(name: string): unknown {
    return this.fields.get(name.toLowerCase()) ?? undefined;
  }

  private placeOf(name: string): string {
    return this.place === "" ? name : `${this.place}.${name}`;
  }

  string(name: string): string {
    const value = this.at(name) ?? "";
    if (typeof value !== "string") throw wrong(this.placeOf(name), "a string");
    return value;
  }

  boolean(name: string): boolean | null {
    const value = this.at(name) ?? null;
    if (value !== null && typeof value !== "boolean") throw wrong(this.placeOf(name), "a boolean");
    return value;
  }

  number(name: string): number | null {
    const value = this.at(name) ?? null;
    if (value !== null && !Number.isSafeInteger(value))
      throw wrong(this.placeOf(name), "a whole number");
    return value as number | null;
  }

  strings(name: string): string[] {
    const value = this.at(name) ?? [];
    if (!Array.isArray(value) || !value.every((part) => typeof part === "string"))
      throw wrong(this.placeOf(name), "a list of strings");
    return value;
  }

  /** A list, or one word (Docker's StrSlice); null when it is not there. */
  words(name: string): string[] | null {
    const value = this.at(name);
    if (value === undefined) return null;
    return typeof value === "string" ? [value] : this.strings(name);
  }

  /** A map of strings; what is null in it is the empty string. */
  pairs(name: string): Record<string, string> {
    const object = this.map(name);
    return Object.fromEntries(
      object.map(([key, value]) => {
        if (value !== null && typeof value !== "string")
          throw wrong(this.placeOf(name), "a map of strings");
        return [key, value ?? ""];
      }),
    );
  }

  /** The entries of an object, their keys as they are. */
  map(name: string): [string, unknown][] {
    const value = this.at(name) ?? {};
    if (!isObject(value)) throw wrong(this.placeOf(name), "an object");
    return Object.entries(value);
  }

  /** An object; without it an empty one. */
  document(name: string): Document {
    return new Document(this.at(name) ?? {}, this.placeOf(name));
  }

  documents(name: string): Document[] {
    const value = this.at(name) ?? [];
    if (!Array.isArray(value)) throw wrong(this.placeOf(name), "a list");
    return value.map((part) => new Document(part, this.placeOf(name)));
  }

  /** Of all fields, in lower case. */
  names(): string[] {
    return [...this.fields.keys()];
  }

  has(name: string): boolean {
    return this.at(name) !== undefined;
  }

  /** Whatever stands there; for a row that knows what to do with it. */
  value(name: string): unknown {
    return this.at(name);
  }
}

const wrong = (place: string, what: string) =>
  new CooperError("invalid-argument", `invalid JSON: ${place} is not ${what}`);

/** The body of a request; an empty one is an empty object. */
export async function readDocument(body: Body, limit = bodyLimit): Promise<Document> {
  const bytes = await body.bytes(limit);
  if (bytes.length === 0) return new Document({});
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new CooperError("invalid-argument", "invalid JSON: the body is none", { cause });
  }
  return new Document(value ?? {});
}
