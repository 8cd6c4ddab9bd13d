package org.pktinfo.channels;

import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.pktinfo.socket.Waiter;

/** Cases of selecting: the channels that are ready, and the ways to wake a selector. */
final class SelectorCases extends ChannelCase {
    private SelectorCases() {}

    static void addTo(Map<String, Case> cases) {
        ready(cases);
        readiness(cases);
        manners(cases);
        waking(cases);
        ending(cases);
    }

    private static SelectionKey key(Channels channels, DatagramChannel channel, int operations) throws Exception {
        channel.configureBlocking(false);
        return channel.register(channels.selector(), operations);
    }

    private static void ready(Map<String, Case> cases) {
        cases.put("select: writing is ready at once", channels -> {
            SelectionKey key = key(channels, channels.bound(), SelectionKey.OP_WRITE);
            Selector selector = key.selector();
            int selected = selector.selectNow();
            return List.of(
                    selected,
                    selector.selectedKeys().contains(key),
                    selector.selectedKeys().size(),
                    key.isWritable(),
                    key.isReadable(),
                    key.readyOps());
        });
        cases.put("select: reading is ready when something has come, until it is received", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_READ);
            Selector selector = key.selector();
            List<Object> seen = new ArrayList<>(List.of(selector.selectNow()));
            for (int i = 0; i < 2; i++) {
                channel.send(bytes("x"), at(channel));
                seen.add(selector.select(SOON));
                seen.add(key.isReadable());
                selector.selectedKeys().clear();
            }
            for (int i = 0; i < 3; i++) {
                seen.add(selector.selectNow());
                selector.selectedKeys().clear();
                seen.add(outcome(() -> channel.receive(ByteBuffer.allocate(1)) != null));
            }
            return seen;
        });
        cases.put("select: one that was never bound, and a connected one", channels -> {
            DatagramChannel peer = channels.bound();
            SelectionKey unbound = key(channels, channels.open(), SelectionKey.OP_READ | SelectionKey.OP_WRITE);
            DatagramChannel channel = channels.connected(peer);
            SelectionKey connected = key(channels, channel, SelectionKey.OP_READ);
            int first = unbound.selector().selectNow();
            peer.send(bytes("x"), at(channel));
            return List.of(first, unbound.readyOps(), connected.selector().select(SOON), next(channel));
        });
        cases.put("select: connected to where nobody listens is ready, and reading says why", channels -> {
            DatagramChannel gone = channels.bound();
            DatagramChannel channel = channels.connected(gone);
            gone.close();
            SelectionKey key = key(channels, channel, SelectionKey.OP_READ);
            channel.write(bytes("x"));
            return List.of(
                    key.selector().select(SOON), key.isReadable(), outcome(() -> channel.read(ByteBuffer.allocate(1))));
        });
    }

    private static void readiness(Map<String, Case> cases) {
        cases.put("select: many channels, those that are ready", channels -> {
            Selector selector = channels.selector();
            List<DatagramChannel> all = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                all.add(channels.nonBlocking());
                all.get(i).register(selector, SelectionKey.OP_READ, i);
            }
            DatagramChannel sender = channels.bound();
            for (int i : List.of(3, 7, 19)) {
                sender.send(bytes("x"), at(all.get(i)));
                awaitReadable(all.get(i));
            }
            int count = selector.selectNow();
            return List.of(
                    count,
                    selector.selectedKeys().stream()
                            .map(SelectionKey::attachment)
                            .map(String::valueOf)
                            .sorted()
                            .toList());
        });
        cases.put("select: with an action instead of the selected keys", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_READ);
            channel.send(bytes("x"), at(channel));
            List<Object> seen = new ArrayList<>();
            seen.add(key.selector().select(each -> seen.add(each == key && each.isReadable()), SOON));
            seen.add(next(channel));
            seen.add(key.selector().selectNow(each -> seen.add("not ready")));
            seen.add(key.selector().selectedKeys().size());
            seen.add(outcome(() -> key.selector().selectNow(null)));
            return seen;
        });
        cases.put("select: what is selected stays so until it is removed", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_WRITE);
            Selector selector = key.selector();
            List<Object> seen = new ArrayList<>(List.of(selector.selectNow(), selector.selectNow()));
            key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
            channel.send(bytes("x"), at(channel));
            awaitReadable(channel);
            seen.add(List.of(selector.selectNow(), key.readyOps()));
            selector.selectedKeys().remove(key);
            seen.add(List.of(selector.selectNow(), key.readyOps()));
            return seen;
        });
    }

    private static void manners(Map<String, Case> cases) {
        cases.put("select: a time that is none, and one that passes", channels -> {
            Selector selector = channels.selector();
            return List.of(outcome(() -> selector.select(-1)), selector.select(10), selector.isOpen());
        });
        cases.put("selector: open, provider, and which sets may be changed", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_WRITE);
            Selector selector = key.selector();
            selector.selectNow();
            return List.of(
                    selector.isOpen(),
                    selector.provider() == channel.provider(),
                    selector.keys().size(),
                    outcomes(
                            () -> selector.keys().clear(),
                            () -> selector.keys().remove(key),
                            () -> selector.selectedKeys().add(key),
                            () -> selector.selectedKeys().clear()),
                    selector.selectedKeys().size());
        });
    }

    private static void waking(Map<String, Case> cases) {
        cases.put("wakeup: before a select, twice is once", channels -> {
            Selector selector = channels.selector();
            boolean same = selector.wakeup() == selector;
            selector.wakeup();
            int woken = selector.select();
            return List.of(same, woken, selector.select(10));
        });
        cases.put("wakeup: of who selects", channels -> {
            Selector selector = channels.selector();
            Waiter waiter = new Waiter(() -> outcome(() -> selector.select()));
            waiter.awaitWaiting();
            selector.wakeup();
            return waiter.result();
        });
        cases.put("a datagram wakes who selects", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_READ);
            Waiter waiter = new Waiter(() -> outcome(() -> key.selector().select()));
            waiter.awaitWaiting();
            channels.bound().send(bytes("x"), at(channel));
            return List.of(waiter.result(), next(channel));
        });
        cases.put("an interrupt wakes who selects, and is not forgotten", channels -> {
            Selector selector = channels.selector();
            Waiter waiter = new Waiter(() -> outcome(() -> selector.select()));
            waiter.awaitWaiting();
            waiter.thread().interrupt();
            return List.of(waiter.result(), waiter.wasInterrupted(), selector.isOpen());
        });
        cases.put("an interest that is set while another selects counts at its next selection", channels -> {
            SelectionKey key = key(channels, channels.bound(), SelectionKey.OP_READ);
            Waiter waiter = new Waiter(() -> outcome(() -> key.selector().select()));
            waiter.awaitWaiting();
            key.interestOps(SelectionKey.OP_WRITE);
            key.selector().wakeup();
            Object first = waiter.result();
            return List.of(
                    first.equals("0") || first.equals("1"),
                    key.selector().selectedKeys().size() + key.selector().selectNow());
        });
    }

    private static void ending(Map<String, Case> cases) {
        cases.put("closing wakes who selects", channels -> {
            Selector selector = channels.selector();
            Waiter waiter = new Waiter(() -> outcome(() -> selector.select()));
            waiter.awaitWaiting();
            selector.close();
            return List.of(waiter.result(), selector.isOpen());
        });
        cases.put("closed selector: nothing but closing and waking works", channels -> {
            DatagramChannel channel = channels.bound();
            SelectionKey key = key(channels, channel, SelectionKey.OP_READ);
            Selector selector = key.selector();
            selector.close();
            return List.of(
                    outcomes(
                            selector::close,
                            selector::wakeup,
                            selector::select,
                            selector::selectNow,
                            selector::keys,
                            selector::selectedKeys,
                            () -> channel.register(selector, SelectionKey.OP_READ)),
                    key.isValid(),
                    channel.isRegistered(),
                    outcome(() -> channel.configureBlocking(true).isBlocking()));
        });
    }
}
