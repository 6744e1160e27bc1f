/** Executes a parsed template on data. */
import { CooperError, messageOf } from "../../errors.ts";
import type { Command, Control, Node, Operand, Pipeline, Span, Tree } from "./ast.ts";
import { executionFailure } from "./failure.ts";
import { functions, lookUp } from "./functions.ts";
import { formatDefault, isRecord, isTrue, printValue, sortedKeys, typeName } from "./print.ts";

// A template may come from an API client. These limits are far above any use and end the rest.
const maxDepth = 1000;
const maxSteps = 2_000_000;
const maxOutput = 64 * 1024 * 1024;
const maxText = 16 * 1024 * 1024;

/** What one rendering reads and adds up. */
interface Run {
  readonly source: string;
  readonly tree: Tree;
  /** Objects whose fields are known: asking one of them for any other field is an error. */
  readonly records: ReadonlySet<unknown>;
  readonly output: string[];
  outputLength: number;
  steps: number;
}

/** Where a part of the template stands: its dot, and the variables it sees. */
interface Frame {
  /** Of the template being executed; "" is the main one. */
  readonly name: string;
  readonly depth: number;
  readonly dot: unknown;
  variables: Variable | undefined;
}

/** Innermost first, so that a block's own variables go with its frame. */
interface Variable {
  readonly name: string;
  value: unknown;
  readonly outer: Variable | undefined;
}

type Flow = "next" | "break" | "continue";

/** Renders the main template of `tree` on `data`; throws a CooperError where Go's would fail. */
export function evaluate(
  source: string,
  tree: Tree,
  data: unknown,
  records: Run["records"],
): string {
  const run: Run = { source, tree, records, output: [], outputLength: 0, steps: 0 };
  walk(run, entryFrame("", 0, data), tree.main);
  return run.output.join("");
}

/** A template sees its dot, as `.` and as `$`, and nothing of its caller. */
function entryFrame(name: string, depth: number, dot: unknown): Frame {
  return { name, depth, dot, variables: { name: "$", value: dot, outer: undefined } };
}

function walk(run: Run, frame: Frame, nodes: readonly Node[]): Flow {
  for (const node of nodes) {
    const flow = walkNode(run, frame, node);
    if (flow !== "next") return flow;
  }
  return "next";
}

function walkNode(run: Run, frame: Frame, node: Node): Flow {
  step(run, frame, node);
  switch (node.kind) {
    case "text":
      write(run, frame, node, node.text);
      return "next";
    case "action": {
      const value = evaluatePipeline(run, frame, node.pipeline);
      if (node.pipeline.variables.length === 0) {
        write(
          run,
          frame,
          node,
          located(run, frame, node, () => printValue(value)),
        );
      }
      return "next";
    }
    case "call":
      return walkCall(run, frame, node);
    case "range":
      return walkRange(run, frame, node);
    case "if":
    case "with":
      return walkChoice(run, frame, node);
    default:
      return node.kind;
  }
}

function walkChoice(run: Run, frame: Frame, node: Control): Flow {
  const inner = innerFrame(run, frame, node, frame.dot);
  const value = evaluatePipeline(run, inner, node.pipeline);
  if (!isTrue(value)) return walk(run, inner, node.otherwise);
  return walk(run, { ...inner, dot: node.kind === "with" ? value : frame.dot }, node.body);
}

function walkRange(run: Run, frame: Frame, node: Control): Flow {
  const { pipeline } = node;
  const outer = innerFrame(run, frame, node, frame.dot);
  const value = evaluateCommands(run, outer, pipeline);
  let isEmpty = true;
  for (const [key, item] of entriesOf(run, frame, pipeline, value)) {
    isEmpty = false;
    step(run, frame, node);
    const inner: Frame = { ...outer, dot: item };
    const [first, second] = pipeline.variables;
    if (first !== undefined) bind(inner, first, second === undefined ? item : key, pipeline);
    if (second !== undefined) bind(inner, second, item, pipeline);
    if (walk(run, inner, node.body) === "break") break;
  }
  return isEmpty ? walk(run, outer, node.otherwise) : "next";
}

function* entriesOf(
  run: Run,
  frame: Frame,
  span: Span,
  value: unknown,
): Generator<[unknown, unknown]> {
  if (Array.isArray(value)) {
    yield* value.entries();
  } else if (isRecord(value)) {
    for (const key of sortedKeys(value)) yield [key, value[key]];
  } else if (typeof value === "number" && Number.isInteger(value)) {
    for (let at = 0; at < value; at++) yield [at, at];
  } else if (value !== undefined && value !== null) {
    throw fail(run, frame, span, `range can't iterate over ${formatDefault(value)}`);
  }
}

function walkCall(run: Run, frame: Frame, node: Extract<Node, { kind: "call" }>): Flow {
  const body = run.tree.definitions.get(node.name);
  if (!body) {
    throw fail(run, frame, node, `template ${JSON.stringify(node.name)} not defined`);
  }
  const dot = node.pipeline && evaluatePipeline(run, frame, node.pipeline);
  const { depth } = innerFrame(run, frame, node, dot);
  walk(run, entryFrame(node.name, depth, dot), body);
  return "next";
}

function innerFrame(run: Run, frame: Frame, span: Span, dot: unknown): Frame {
  if (frame.depth >= maxDepth) {
    throw fail(run, frame, span, `exceeded maximum template depth (${maxDepth})`);
  }
  return { ...frame, dot, depth: frame.depth + 1 };
}

/** The value of a pipeline, after giving it to the variables in front. */
function evaluatePipeline(run: Run, frame: Frame, pipeline: Pipeline): unknown {
  const value = evaluateCommands(run, frame, pipeline);
  for (const name of pipeline.variables) bind(frame, name, value, pipeline);
  return value;
}

function evaluateCommands(run: Run, frame: Frame, pipeline: Pipeline): unknown {
  let piped: readonly unknown[] = [];
  for (const command of pipeline.commands) {
    piped = [evaluateCommand(run, frame, command, piped)];
  }
  return piped[0];
}

function bind(frame: Frame, name: string, value: unknown, { isAssignment }: Pipeline): void {
  if (!isAssignment) {
    frame.variables = { name, value, outer: frame.variables };
    return;
  }
  const variable = findVariable(frame, name);
  if (variable) variable.value = value;
}

function findVariable(frame: Frame, name: string): Variable | undefined {
  let variable = frame.variables;
  while (variable && variable.name !== name) variable = variable.outer;
  return variable;
}

/** `piped` holds the result of the command before, which becomes the last argument. */
function evaluateCommand(
  run: Run,
  frame: Frame,
  command: Command,
  piped: readonly unknown[],
): unknown {
  const { head, args } = command;
  if (head.kind === "function") return evaluateFunction(run, frame, head, command, piped);
  if (head.kind === "nil") throw fail(run, frame, head, "nil is not a command");
  if (args.length + piped.length === 0) return evaluateOperand(run, frame, head);
  if (head.kind === "field") {
    const value = evaluateOperand(run, frame, head);
    const [key, ...others] = [...args.map((arg) => evaluateOperand(run, frame, arg)), ...piped];
    // Docker's `{{.Label "name"}}` is a method; here it is any field that holds a map.
    if (isRecord(value) && typeof key === "string" && others.length === 0) {
      return lookUp(value, key) ?? "";
    }
    const name = head.path.at(-1);
    throw fail(run, frame, head, `${name} has arguments but cannot be invoked as function`);
  }
  const text = run.source.slice(head.start, head.end);
  throw fail(run, frame, head, `can't give argument to non-function ${text}`);
}

function evaluateFunction(
  run: Run,
  frame: Frame,
  head: Extract<Operand, { kind: "function" }>,
  { args, start, end }: Command,
  piped: readonly unknown[],
): unknown {
  const found = functions.get(head.name);
  if (!found) throw fail(run, frame, head, `function "${head.name}" not defined`);
  const count = args.length + piped.length;
  if (count < found.min || count > found.max) {
    const want = found.max === found.min ? `${found.min}` : `at least ${found.min}`;
    const message = `wrong number of args for ${head.name}: want ${want} got ${count}`;
    throw fail(run, frame, head, message);
  }
  if (head.name === "and" || head.name === "or") {
    return evaluateLazily(run, frame, head.name === "or", args, piped);
  }
  const values = [...args.map((arg) => evaluateOperand(run, frame, arg)), ...piped];
  const value = located(run, frame, { start, end }, () => found.call(values), head.name);
  assertShort(run, frame, head, value);
  return value;
}

/** `and` and `or` end at the first argument that decides. */
function evaluateLazily(
  run: Run,
  frame: Frame,
  decisive: boolean,
  args: readonly Operand[],
  piped: readonly unknown[],
): unknown {
  let value: unknown;
  for (const arg of args) {
    value = evaluateOperand(run, frame, arg);
    if (isTrue(value) === decisive) return value;
  }
  return piped.length > 0 ? piped[0] : value;
}

function evaluateOperand(run: Run, frame: Frame, operand: Operand): unknown {
  step(run, frame, operand);
  switch (operand.kind) {
    case "dot":
      return frame.dot;
    case "nil":
      return null;
    case "literal":
      return operand.value;
    case "field":
      return fieldsOf(run, frame, operand, frame.dot, operand.path);
    case "variable": {
      const value = findVariable(frame, operand.name)?.value;
      return fieldsOf(run, frame, operand, value, operand.path);
    }
    case "function":
      return evaluateFunction(run, frame, operand, { ...operand, head: operand, args: [] }, []);
    case "chain": {
      const value = evaluateOperand(run, frame, operand.operand);
      return fieldsOf(run, frame, operand, value, operand.path);
    }
    case "pipeline":
      return evaluatePipeline(run, { ...frame }, operand);
  }
}

function fieldsOf(
  run: Run,
  frame: Frame,
  span: Span,
  value: unknown,
  path: readonly string[],
): unknown {
  return path.reduce((from: unknown, field) => fieldOf(run, frame, span, from, field), value);
}

/**
 * One step into a value. Only own properties of plain objects are fields: a template reaches neither
 * prototypes nor methods, nor the `length` of a list.
 */
function fieldOf(run: Run, frame: Frame, span: Span, value: unknown, field: string): unknown {
  if (isRecord(value)) {
    if (Object.hasOwn(value, field)) return dataOnly(value[field]);
    if (!run.records.has(value)) return undefined;
    throw fail(run, frame, span, `can't evaluate field ${field}`);
  }
  if (value === undefined) return undefined;
  if (value === null) {
    throw fail(run, frame, span, `nil pointer evaluating interface {}.${field}`);
  }
  throw fail(run, frame, span, `can't evaluate field ${field} in type ${typeName(value)}`);
}

function dataOnly(value: unknown): unknown {
  return typeof value === "function" ? undefined : value;
}

function write(run: Run, frame: Frame, span: Span, text: string): void {
  run.outputLength += text.length;
  if (run.outputLength > maxOutput) throw fail(run, frame, span, "output is too long");
  run.output.push(text);
}

function assertShort(run: Run, frame: Frame, span: Span, value: unknown): void {
  if (typeof value === "string" && value.length > maxText) {
    throw fail(run, frame, span, "text is too long");
  }
}

function step(run: Run, frame: Frame, span: Span): void {
  if (++run.steps > maxSteps) throw fail(run, frame, span, "template takes too long");
}

/** Runs what knows nothing of places, and puts the place before whatever it throws. */
function located<T>(run: Run, frame: Frame, span: Span, act: () => T, calling?: string): T {
  try {
    return act();
  } catch (cause) {
    const prefix = calling === undefined ? "" : `error calling ${calling}: `;
    throw executionFailure(run.source, frame.name, span, prefix + messageOf(cause), {
      cause,
      code: cause instanceof CooperError ? cause.code : "invalid-argument",
    });
  }
}

function fail(run: Run, frame: Frame, span: Span, message: string): CooperError {
  return executionFailure(run.source, frame.name, span, message);
}
