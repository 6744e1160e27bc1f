/** Bake files in HCL and JSON: variables, functions and matrices become targets and groups. Pure. */
import type { CooperError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { targetSpec } from "./decode-target.ts";
import { evaluate, type Scope, within } from "./hcl/evaluate.ts";
import type { HclFile } from "./hcl/parse.ts";
import { hclError } from "./hcl/scanner.ts";
import type { Attribute, Block, Value } from "./hcl/syntax.ts";
import { asBoolean, asList, asString, entries, isObject } from "./hcl/value.ts";
import { type Definition, type Group, isTargetName, type Target, type Variable } from "./target.ts";
import { variableFrom } from "./variable.ts";

/** What a file may ask of where it is read. */
export interface BakeFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** --var; they go before the environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** `linux/amd64` */
  readonly platform: string;
}

interface Placed<T> {
  readonly file: HclFile;
  readonly one: T;
}

/** Calls of functions of the file's own within each other; they may not call themselves. */
const maxCalls = 100;

/** @throws CooperError invalid-argument that shows the place */
export function hclDefinition(files: readonly HclFile[], facts: BakeFacts): Definition {
  return new Reader(files, facts).definition();
}

class Reader {
  private readonly files: readonly HclFile[];
  private readonly facts: BakeFacts;
  private readonly blocks: readonly Placed<Block>[];
  private readonly known = new Map<string, Value>();
  private readonly asked = new Set<string>();
  private calls = 0;

  constructor(files: readonly HclFile[], facts: BakeFacts) {
    this.files = files;
    this.facts = facts;
    this.blocks = files.flatMap((file) => file.body.blocks.map((one) => ({ file, one })));
  }

  definition(): Definition {
    for (const placed of this.blocks) this.checkBlock(placed);
    const variables = [...new Set(this.ofType("variable").map(({ one }) => one.labels[0] ?? ""))];
    const shown = variables.map((name) => this.shownVariable(name));
    const made = this.ofType("target").flatMap((placed) => this.targets(placed));
    const groups = this.ofType("group").map((placed) => this.group(placed));
    const ofMatrices = new Map<string, string[]>();
    for (const { block, target } of made)
      if (block !== target.name)
        ofMatrices.set(block, [...(ofMatrices.get(block) ?? []), target.name]);
    return {
      variables: shown,
      targets: made.map(({ target }) => target),
      groups: [
        ...groups,
        ...[...ofMatrices].map(([name, targets]) => ({ name, description: null, targets })),
      ],
    };
  }

  private ofType(type: string): Placed<Block>[] {
    return this.blocks.filter(({ one }) => one.type === type);
  }

  private checkBlock({ file, one: { type, labels, at } }: Placed<Block>): void {
    const types = ["variable", "group", "target", "function"];
    if (!types.includes(type)) {
      const meant = nearest(type, types);
      const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
      throw this.error(file, at, `a block ${type} is not known${guess}`);
    }
    if (labels.length !== 1)
      throw this.error(file, at, `the block ${type} needs one name, it has ${labels.length}`);
  }

  private error(file: HclFile, at: number, message: string): CooperError {
    return hclError(file.name, file.text, at, message);
  }

  private scope(file: HclFile): Scope {
    return {
      variable: (name) => this.variable(name),
      call: (name, args) => this.call(name, args),
      error: (at, message) => this.error(file, at, message),
    };
  }

  private value(file: HclFile, { value }: Attribute, names?: ReadonlyMap<string, Value>): Value {
    const scope = this.scope(file);
    return evaluate(value, names === undefined ? scope : within(scope, names));
  }

  /** Looked at when it is asked for, once. */
  private once(key: string, make: () => Value | undefined): Value | undefined {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    if (this.asked.has(key)) throw new Error(`${key} depends on itself`);
    this.asked.add(key);
    const value = make();
    this.asked.delete(key);
    if (value !== undefined) this.known.set(key, value);
    return value;
  }

  private variable(name: string): Value | undefined {
    if (name === "BAKE_LOCAL_PLATFORM") return this.facts.platform;
    if (name === "BAKE_CMD_CONTEXT") return "cwd://";
    if (name === "target" || name === "group") return this.lookUp(name);
    return this.once(name, () => {
      const blocks = this.ofType("variable").filter(({ one }) => one.labels[0] === name);
      if (blocks.length > 0) return this.declared(name, blocks);
      const found = this.files
        .flatMap((file) => file.body.attributes.map((one) => ({ file, one })))
        .findLast(({ one }) => one.name === name);
      return found === undefined ? undefined : this.value(found.file, found.one);
    });
  }

  /** `target.app.tags`: what the block itself says. */
  private lookUp(type: string): Value {
    return new Lookup((label) => {
      const attributes = this.ofType(type)
        .filter(({ one }) => one.labels[0] === label)
        .flatMap(({ file, one }) => one.body.attributes.map((each) => ({ file, each })));
      if (attributes.length === 0) return undefined;
      return new Lookup((name) => {
        const found = attributes.findLast(({ each }) => each.name === name);
        if (found === undefined) return undefined;
        return this.once(`${type}.${label}.${name}`, () => this.value(found.file, found.each));
      });
    });
  }

  private declared(name: string, blocks: readonly Placed<Block>[]): Value {
    const attribute = (wanted: string) =>
      blocks
        .flatMap(({ file, one }) => one.body.attributes.map((each) => ({ file, each })))
        .findLast(({ each }) => each.name === wanted);
    for (const { file, one } of blocks)
      for (const { name: said, at } of one.body.attributes)
        if (!["default", "description", "type", "sensitive"].includes(said))
          throw this.error(file, at, `a variable has no ${said}`);
    const preset = attribute("default");
    const byDefault = preset === undefined ? null : this.value(preset.file, preset.each);
    const given = this.facts.variables[name] ?? this.facts.env[name];
    const type = attribute("type")?.each.value ?? null;
    const value = variableFrom(name, { given, byDefault, type });
    for (const { file, one } of blocks) this.validate(file, one, new Map([[name, value]]));
    return value;
  }

  private validate(file: HclFile, block: Block, names: ReadonlyMap<string, Value>): void {
    for (const { type, at, body } of block.body.blocks) {
      if (type !== "validation") throw this.error(file, at, `a variable has no block ${type}`);
      const of = (name: string) => body.attributes.find((one) => one.name === name);
      const condition = of("condition");
      if (condition === undefined) throw this.error(file, at, "a validation needs a condition");
      if (asBoolean(this.value(file, condition, names))) continue;
      const message = of("error_message");
      throw this.error(
        file,
        at,
        message === undefined
          ? `the value of ${block.labels[0]} is not valid`
          : asString(this.value(file, message, names)),
      );
    }
  }

  private shownVariable(name: string): Variable {
    const value = this.variable(name) ?? null;
    const blocks = this.ofType("variable").filter(({ one }) => one.labels[0] === name);
    const said = (wanted: string) => {
      for (const { file, one } of blocks)
        for (const each of one.body.attributes)
          if (each.name === wanted) return this.value(file, each);
      return null;
    };
    const description = said("description");
    const isSecret = said("sensitive") === true;
    return {
      name,
      description: description === null ? null : asString(description),
      value: isSecret ? "****" : shown(value),
    };
  }

  private call(name: string, args: readonly Value[]): Value | undefined {
    const placed = this.ofType("function").findLast(({ one }) => one.labels[0] === name);
    if (placed === undefined) return undefined;
    const { file, one: block } = placed;
    const of = (wanted: string) => block.body.attributes.find((one) => one.name === wanted);
    const result = of("result");
    if (result === undefined) throw this.error(file, block.at, "a function needs a result");
    const names = parameters(of("params"));
    const rest = of("variadic_params") ?? of("variadic_param");
    const restName = rest === undefined ? undefined : parameters(rest)[0];
    if (args.length < names.length || (restName === undefined && args.length > names.length))
      throw new Error(`${name}() takes ${names.length} arguments, not ${args.length}`);
    if (this.calls >= maxCalls) throw new Error(`${name}() calls itself without an end`);
    const given = new Map<string, Value>(names.map((one, at) => [one, args[at] ?? null]));
    if (restName !== undefined) given.set(restName, args.slice(names.length));
    this.calls++;
    try {
      return this.value(file, result, given);
    } finally {
      this.calls--;
    }
  }

  private group({ file, one }: Placed<Block>): Group {
    const of = (name: string) => one.body.attributes.find((each) => each.name === name);
    for (const { name, at } of one.body.attributes)
      if (name !== "targets" && name !== "description")
        throw this.error(file, at, `a group has no ${name}`);
    const targets = of("targets");
    const description = of("description");
    return {
      name: one.labels[0] ?? "",
      description: description === undefined ? null : asString(this.value(file, description)),
      targets:
        targets === undefined
          ? []
          : asList(this.value(file, targets)).map((each) => asString(each)),
    };
  }

  /** One, or one for each combination of its matrix. */
  private targets({ file, one: block }: Placed<Block>): { block: string; target: Target }[] {
    const label = block.labels[0] ?? "";
    const of = (name: string) => block.body.attributes.find((each) => each.name === name);
    const matrix = of("matrix");
    const named = of("name");
    if (named !== undefined && matrix === undefined)
      throw this.error(file, named.at, "a name needs a matrix");
    const fields = block.body.attributes.filter(({ name }) => !["matrix", "name"].includes(name));
    const combinations = matrix === undefined ? [undefined] : this.combinations(file, matrix);
    if (named === undefined && combinations.length > 1)
      throw this.error(
        file,
        block.at,
        `the matrix of ${label} makes several targets: it needs a name`,
      );
    return combinations.map((names) => {
      const name = named === undefined ? label : asString(this.value(file, named, names));
      if (!isTargetName(name))
        throw this.error(
          file,
          block.at,
          `invalid target name ${JSON.stringify(name)}: letters, digits, - and _ are allowed`,
        );
      const spec = targetSpec(fields, {
        value: (attribute) => this.value(file, attribute, names),
        error: (at, message) => this.error(file, at, message),
      });
      return { block: label, target: { name, spec } };
    });
  }

  private combinations(file: HclFile, matrix: Attribute): Map<string, Value>[] {
    const axes = this.value(file, matrix);
    if (!isObject(axes)) throw this.error(file, matrix.at, "a matrix is an object of lists");
    let all = [new Map<string, Value>()];
    for (const [name, values] of entries(axes)) {
      const list = asList(values);
      all = all.flatMap((one) => list.map((value) => new Map([...one, [asString(name), value]])));
      if (all.length > 1000) throw this.error(file, matrix.at, "the matrix makes too many targets");
    }
    return all;
  }
}

/** An object whose attributes are looked at when they are asked for. */
class Lookup extends Map<string, Value> {
  private readonly find: (key: string) => Value | undefined;

  constructor(find: (key: string) => Value | undefined) {
    super();
    this.find = find;
  }

  override get(key: string): Value | undefined {
    return this.find(key);
  }

  override has(key: string): boolean {
    return this.find(key) !== undefined;
  }
}

/** `params = [a, b]`: words, not values; JSON has them as texts. */
function parameters(attribute: Attribute | undefined): string[] {
  const { value } = attribute ?? {};
  const items = value?.kind === "list" ? value.items : value === undefined ? [] : [value];
  return items.flatMap((item) => {
    if (item.kind === "variable") return [item.name];
    return item.kind === "literal" && typeof item.value === "string" ? [item.value] : [];
  });
}

const shown = (value: Value): string => {
  if (value === null) return "<null>";
  return typeof value === "object"
    ? JSON.stringify(value instanceof Map ? [...value] : value)
    : `${value}`;
};
