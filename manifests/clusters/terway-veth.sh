#!/bin/sh
# The CNI plugin ptp, and after it once more the node's route to the Pod's address. ptp gives an address back before it
# removes its veth. In a small range a new Pod may get that address while the old route is still there; ptp then adds none,
# and the old one goes away together with the old veth. The new Pod would never be ready.
for folder in $(echo "$CNI_PATH" | tr : ' '); do
  [ -x "$folder/ptp" ] && plugin=$folder/ptp && break
done
result=$("$plugin") || { code=$?; printf '%s' "$result"; exit $code; }
if [ "$CNI_COMMAND" = ADD ]; then
  veth=$(printf '%s' "$result" | grep -o '"veth[0-9a-f]*"' | head -n 1 | tr -d '"')
  address=$(printf '%s' "$result" | grep -o '"address": *"[0-9.]*' | head -n 1 | grep -o '[0-9.]*$')
  ip route replace "$address" dev "$veth" scope host
fi
printf '%s' "$result"
