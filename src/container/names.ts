/** Names of containers; for those that were given none: an adjective and somebody who made casks, ships or engines. */
import { CooperError } from "../errors.ts";
import { randomBelow } from "../system/random.ts";

const adjectives = (
  "able agile amber ample apt blithe bold brave bright brisk calm candid clear clever cosy crisp curious dapper daring deft " +
  "eager early easy fair fleet fond frank fresh gentle glad golden grand happy hardy hazel honest jolly keen kind lively " +
  "loyal lucid lucky mellow merry mild modest neat nimble noble patient placid plucky polite proud quick quiet rapid ready " +
  "robust serene sharp silent sleek smart snug solid sound spry steady stout sturdy sunny supple swift tidy tough true " +
  "upbeat vivid warm wise witty young zesty"
).split(" ");

const makers = (
  "archimedes armstrong babbage bazalgette bell benz bessemer boulton braun brunel carnot cayley clement coignet daimler " +
  "darby davy diesel edison ericsson faraday fairbairn fulton gray hamilton harrison heron hopper jacquard jenkins kilby " +
  "lamarr lenoir lister lovelace marconi maudslay maxwell mestral morse nasmyth newcomen nobel noyce otto papin parsons " +
  "pascal pelton perkins ramelli roberts roebling savery siemens smeaton stephenson stirling swan taqi telford tesla " +
  "torricelli trevithick tull turing vaucanson volta watt westinghouse whitney whitworth wright zeppelin zuse"
).split(" ");

/** A name such as `nimble_stephenson`; later attempts carry a number, so that they end. */
export function randomName(attempt: number): string {
  const name = `${adjectives[randomBelow(adjectives.length)]}_${makers[randomBelow(makers.length)]}`;
  return attempt < 3 ? name : `${name}${randomBelow(10 ** Math.min(attempt, 9))}`;
}

/** @throws CooperError invalid-argument for what cannot be the name of a container */
export function assertContainerName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return;
  throw new CooperError(
    "invalid-argument",
    `invalid container name "${name}": it may have letters, digits and _ . -`,
  );
}
