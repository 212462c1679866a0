// What options and arguments of several commands are made of.
import { InvalidArgumentError, Option } from 'commander';
import { ROLES } from '../../core/actor.ts';

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number like 42.');
  return Number(text);
}

export const commaList = (text: string): readonly string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

export const roleOption = (): Option => new Option('--role <role>', 'what it may; each role may what those before it may').choices(ROLES);
