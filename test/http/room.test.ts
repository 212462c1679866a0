// Who loses their place when it gets crowded.
import { expect, test } from '@jest/globals';
import { createRoom } from '../../src/http/room.ts';

function crowd(capacity: number) {
  const room = createRoom(capacity);
  const evicted: string[] = [];
  return { evicted, enter: (address: string, name: string, size = 1) => room.enter(address, size, () => evicted.push(name)) };
}

test('the oldest of the address that takes most goes, and nobody else', () => {
  const { enter, evicted } = crowd(4);
  enter('quiet', 'q1');
  enter('loud', 'l1');
  enter('loud', 'l2');
  enter('loud', 'l3');
  expect(evicted).toEqual([]);
  enter('loud', 'l4');
  enter('third', 't1');
  enter('third', 't2');
  expect(evicted).toEqual(['l1', 'l2', 'l3']);
});

test('who is known stays, and counts; when all are known, it is the newcomer who goes', () => {
  const { enter, evicted } = crowd(2);
  const first = enter('a', 'a1');
  first.pin();
  enter('a', 'a2').pin();
  enter('b', 'b1');
  expect(evicted).toEqual(['b1']);
  first.unpin();
  enter('b', 'b2');
  expect(evicted).toEqual(['b1', 'a1']);
});

test('places are given back, and what they hold counts', () => {
  const { enter, evicted } = crowd(10);
  const light = enter('a', 'light', 0);
  const heavy = enter('b', 'heavy', 0);
  light.hold(4);
  heavy.hold(6);
  expect(evicted).toEqual([]);
  light.hold(5);
  expect(evicted).toEqual(['heavy']);
  heavy.hold(100);
  heavy.leave();
  light.hold(10);
  light.leave();
  enter('c', 'c1', 10);
  expect(evicted).toEqual(['heavy']);
});
