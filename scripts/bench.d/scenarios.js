// What is measured: how large the application is, what changes in it, and who takes part.
import { linkDest, rsyncAll, rsyncChanged, ssh } from './contenders.js';
import { lockstep } from './lockstep.js';
import { ansible, capistrano, shipit } from './peers.js';
import { REBUILD } from './reach.js';

const APPLICATION = { files: 4_100, changes: 11 };
const everybody = (lab) => [ssh, rsyncChanged, linkDest, capistrano, ansible, shipit, cold(lab), warm(lab)];
const cold = (lab, settings) => lockstep(lab, 'Lockstep, cold', '0s', settings);
const warm = (lab, settings) => lockstep(lab, 'Lockstep, warm', '1h', settings);

/**
 * `contenders` of a lab, the last one is what the others are compared with. `isFirst`: only the first copy counts. `isNoop`: the same commit again. `isRebuilt`: all is built
 * anew and comes out as it was; Capistrano and Shipit, which bring what is in the repository, have no part in it. `isRollback`: what is measured is the way back.
 */
export const SCENARIOS = {
  small: { title: 'A commit of 12 files to an application of 4,100', ...APPLICATION, contenders: everybody },
  percent: { title: '1 % of 20,000 files changed', files: 20_000, changes: 200, contenders: everybody },
  first: {
    title: 'First copy of 4,100 files',
    ...APPLICATION,
    isFirst: true,
    contenders: (lab) => [
      rsyncChanged,
      linkDest,
      capistrano,
      ansible,
      shipit,
      lockstep(lab, 'Lockstep', '0s', { first: 'unknown' }),
      lockstep(lab, 'Lockstep, built before', '0s', { first: 'built' }),
    ],
  },
  rebuilt: {
    title: 'Everything built anew, with fresh times and the same contents: 4,100 files',
    ...APPLICATION,
    isRebuilt: true,
    contenders: (lab) => {
      const branch = { build: { command: REBUILD, output: 'built' } };
      return [rsyncAll, linkDest, ansible, cold(lab, { branch }), warm(lab, { branch })];
    },
  },
  noop: { title: 'The same commit again', ...APPLICATION, isNoop: true, contenders: everybody },
  rollback: {
    title: 'Emergency roll back (what it is ordered with is the command)',
    ...APPLICATION,
    isRollback: true,
    contenders: (lab) => [cold(lab), warm(lab)],
  },
};
