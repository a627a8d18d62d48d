with rows_used as (select "station"."size" as cell, "custody"."person" from "custody" left join "station" as "station" on "station"."station_id" = "custody"."station_id" where "custody"."person" is not null and "custody"."hours" >= 1 and "custody"."hours" <= 22 and "custody"."sex" is not null),
totals as (select person, cell, count(*) as rows_here from rows_used group by person, cell),
scaled as (select person, cell, 1 as "persons" from totals),
bounded as (select person, cell, case when "persons" < 0 then 0 when "persons" > 1 then 1 else "persons" end as "persons" from scaled),
weighted as (select cell, cast(sum("persons") as hugeint) * 1 as "persons" from bounded group by cell)
select cell, cast(case when "persons" < -4611686018427387904 then -4611686018427387904 when "persons" > 4611686018427387904 then 4611686018427387904 else "persons" end as bigint) as "persons" from weighted where cell is not null
