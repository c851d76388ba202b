package main

import (
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A spot instance is created if the bid reaches the market price and there is stock, is safe for an hour, then compared
// every five minutes, and has three minutes after the notice. The clock can run faster than ECI's, so that a chapter can
// show it.

// Market is what spot instances cost now, as a share of the list price, and whether there are any.
type Market struct {
	Share float64
	Stock bool
}

// SpotClock is how long the three times last here.
type SpotClock struct{ Protected, Every, Notice time.Duration }

var realSpotClock = SpotClock{time.Hour, 5 * time.Minute, 3 * time.Minute}

// faster divides all three.
func (c SpotClock) faster(times float64) SpotClock {
	if times <= 0 {
		times = 1
	}
	divide := func(d time.Duration) time.Duration { return time.Duration(float64(d) / times) }
	return SpotClock{divide(c.Protected), divide(c.Every), divide(c.Notice)}
}

// marketOf reads the ConfigMap: price-share, stock, and speed for the clock. Without one spot costs a fifth, in stock.
func marketOf(config *corev1.ConfigMap) (Market, SpotClock) {
	market, clock := Market{Share: 0.2, Stock: true}, realSpotClock
	if config == nil {
		return market, clock
	}
	if share, err := strconv.ParseFloat(config.Data["price-share"], 64); err == nil {
		market.Share = share
	}
	market.Stock = config.Data["stock"] != "false"
	if speed, err := strconv.ParseFloat(config.Data["speed"], 64); err == nil {
		clock = clock.faster(speed)
	}
	return market, clock
}

// Bid is what a Pod says about spot. Limit is yuan an hour, 0 for none.
type Bid struct {
	Spot  bool
	Limit float64
}

func bidOf(pod *corev1.Pod) (Bid, error) {
	switch strategy := pod.Annotations[spotStrategy]; strategy {
	case "":
		return Bid{}, nil
	case "SpotAsPriceGo":
		return Bid{Spot: true}, nil
	case "SpotWithPriceLimit":
		limit, err := strconv.ParseFloat(pod.Annotations[spotPriceLimit], 64)
		if err != nil || limit <= 0 || decimals(pod.Annotations[spotPriceLimit]) > 3 {
			return Bid{}, refusal("InvalidParameter", "%s must be yuan an hour, with at most 3 decimals", spotPriceLimit)
		}
		return Bid{true, limit}, nil
	default:
		return Bid{}, refusal("InvalidParameter", "%s: %q is neither SpotAsPriceGo nor SpotWithPriceLimit", spotStrategy, strategy)
	}
}

func decimals(text string) int {
	_, after, _ := strings.Cut(text, ".")
	return len(after)
}

// refuses says why the market does not give this bid an instance; empty if it does.
func (m Market) refuses(bid Bid, size Size) string {
	price := perSecond(size) * 3600 * m.Share
	switch {
	case !m.Stock:
		return "no spot instance of " + size.String() + " is in stock"
	case bid.Limit > 0 && price > bid.Limit:
		return "the market price of " + number(round3(price)) + " yuan an hour is above the limit of " + number(bid.Limit)
	}
	return ""
}

func round3(value float64) float64 { return float64(int(value*1000+0.5)) / 1000 }

// nextCheck is when price and stock are next compared, for an instance that has run since then.
func (c SpotClock) nextCheck(since, now time.Time) time.Time {
	first := since.Add(c.Protected)
	if now.Before(first) || c.Every <= 0 {
		return first
	}
	passed := now.Sub(first) / c.Every
	return first.Add((passed + 1) * c.Every)
}
