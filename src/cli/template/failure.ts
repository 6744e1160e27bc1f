/** Template errors, worded and placed as Go's text/template does. */
import { CooperError, type ErrorCode } from "../../errors.ts";
import type { Span } from "./ast.ts";

/** A mistake in the template's text, found before anything is evaluated. */
export function syntaxFailure(source: string, offset: number, message: string): CooperError {
  return new CooperError("invalid-argument", `template: :${lineOf(source, offset)}: ${message}`);
}

/** A failure while evaluating; `name` is that of the template being executed, "" for the main one. */
export function executionFailure(
  source: string,
  name: string,
  span: Span,
  message: string,
  extra: { cause?: unknown; code?: ErrorCode } = {},
): CooperError {
  const column = span.start - (source.lastIndexOf("\n", span.start - 1) + 1);
  const place = `:${lineOf(source, span.start)}:${span.start === 0 ? 0 : column}`;
  const text = source.slice(span.start, span.end);
  return new CooperError(
    extra.code ?? "invalid-argument",
    `template: ${place}: executing ${JSON.stringify(name)} at <${text}>: ${message}`,
    extra.cause === undefined ? {} : { cause: extra.cause },
  );
}

/** A failure inside of a function or an operator, which its caller places in the source. */
export function functionFailure(message: string): CooperError {
  return new CooperError("invalid-argument", message);
}

function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
