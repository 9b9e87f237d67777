# Loads pairs of texts, N.their and N.our, with both back ends: where both load, iptables-save must print the same.
# To be run in a network namespace of its own.
set -u
directory=$1 count=$2 loaded=0 number=0
ip link set lo up
while [ "$number" -lt "$count" ]; do
    for backend in legacy nft; do
        for name in their our; do
            iptables-$backend-restore <"$directory/$number.$name" 2>"$directory/$number.$name.$backend.error"
            echo $? >"$directory/$number.$name.$backend.code"
            iptables-$backend-save | grep -v '^#' >"$directory/$number.$name.$backend.saved"
        done
        their=$(cat "$directory/$number.their.$backend.code") our=$(cat "$directory/$number.our.$backend.code")
        if [ "$their" = 0 ] && [ "$our" != 0 ]; then
            echo "$number $backend: only the original loads"
            cat "$directory/$number.our" "$directory/$number.our.$backend.error"
            exit 1
        fi
        if [ "$their" = 0 ]; then
            loaded=$((loaded + 1))
            diff "$directory/$number.their.$backend.saved" "$directory/$number.our.$backend.saved" || exit 1
        fi
    done
    number=$((number + 1))
done
echo "loaded $((loaded / 2))"
